// What the compiler makes artifacts of; the test imports these artifacts.
import { graphql } from "relay-runtime";

graphql`
  query documentsGroupQuery($id: ID!) {
    group(id: $id) {
      id
      name
      memberCount
    }
  }
`;

graphql`
  mutation documentsAddMutation($input: AddMembershipsInput!) {
    addMemberships(input: $input) {
      added
      userErrors {
        code
      }
    }
  }
`;

graphql`
  subscription documentsFollowSubscription($id: ID!) {
    membershipChanged(groupId: $id) {
      change
      membership {
        participant {
          displayName
        }
      }
    }
  }
`;
