DROP TABLE discussion_posts;
DROP TABLE survey_answers;
DROP TABLE survey_responses;
