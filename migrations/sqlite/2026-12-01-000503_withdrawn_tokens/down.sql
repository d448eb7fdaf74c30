DROP TABLE token_withdrawals;
