// Every client in the same three words: `query` and `mutate` answer with data, `follow` tells of each event and answers with
// how to stop.
import { gql } from "@apollo/client";
import { gql as urqlDocument } from "@urql/core";
import { createClient } from "graphql-http";
import relay from "relay-runtime";

import { openApollo } from "./build/apollo.mjs";
import { openRelay } from "./build/relay.mjs";
import { openUrql } from "./build/urql.mjs";
import addArtifact from "./relay/__generated__/documentsAddMutation.graphql.js";
import followArtifact from "./relay/__generated__/documentsFollowSubscription.graphql.js";
import groupArtifact from "./relay/__generated__/documentsGroupQuery.graphql.js";

const GROUP = "query($id: ID!) { group(id: $id) { id name memberCount } }";
const ADD = "mutation($input: AddMembershipsInput!) { addMemberships(input: $input) { added userErrors { code } } }";
const FOLLOW = `subscription($id: ID!) {
  membershipChanged(groupId: $id) { change membership { participant { displayName } } } }`;

function given(result) {
  const errors = result.errors ?? result.error;
  if (errors) throw new Error(JSON.stringify(errors));
  return result.data;
}

// One operation as a promise.
const single = (subscribe) =>
  new Promise((resolve, reject) => {
    let answer;
    subscribe({ next: (result) => (answer = result), error: reject, complete: () => resolve(answer) });
  }).then(given);

const overWebSocket = (url, token, live) => {
  const carryOut = (query) => (variables) => single((sink) => live.subscribe({ query, variables }, sink));
  return {
    query: carryOut(GROUP),
    mutate: carryOut(ADD),
    follow: (variables, next, error) =>
      live.subscribe({ query: FOLLOW, variables }, { next: (result) => next(given(result)), error, complete() {} }),
  };
};

const overHttp = (url, token, live) => {
  const client = createClient({ url, headers: async () => ({ authorization: `Bearer ${await token()}` }) });
  const carryOut = (query) => (variables) => single((sink) => client.subscribe({ query, variables }, sink));
  // It has no subscriptions of its own.
  return { query: carryOut(GROUP), mutate: carryOut(ADD), follow: overWebSocket(url, token, live).follow };
};

const apollo = (url, token, live) => {
  const client = openApollo(url, token, live);
  return {
    query: (variables) => client.query({ query: gql(GROUP), variables, fetchPolicy: "network-only" }).then(given),
    mutate: (variables) => client.mutate({ mutation: gql(ADD), variables }).then(given),
    follow: (variables, next, error) => {
      const events = client.subscribe({ query: gql(FOLLOW), variables });
      const subscription = events.subscribe({ next: (result) => next(given(result)), error });
      return () => subscription.unsubscribe();
    },
    stop: () => client.stop(),
  };
};

const urql = (url, token, live) => {
  const client = openUrql(url, token, live);
  const fresh = { requestPolicy: "network-only" };
  return {
    query: (variables) => client.query(urqlDocument(GROUP), variables, fresh).toPromise().then(given),
    mutate: (variables) => client.mutation(urqlDocument(ADD), variables).toPromise().then(given),
    follow: (variables, next, error) => {
      const tell = (result) => (result.error ? error(result.error) : next(given(result)));
      return client.subscription(urqlDocument(FOLLOW), variables).subscribe(tell).unsubscribe;
    },
  };
};

const relayClient = (url, token, live) => {
  const environment = openRelay(url, token, live);
  return {
    query: (variables) =>
      relay.fetchQuery(environment, groupArtifact, variables, { fetchPolicy: "network-only" }).toPromise()
        .then((data) => given({ data })),
    mutate: (variables) =>
      new Promise((resolve, reject) => {
        const onCompleted = (data, errors) => (errors?.length ? reject(new Error(JSON.stringify(errors))) : resolve(data));
        relay.commitMutation(environment, { mutation: addArtifact, variables, onCompleted, onError: reject });
      }),
    follow: (variables, next, error) =>
      relay.requestSubscription(environment, { subscription: followArtifact, variables, onNext: next, onError: error })
        .dispose,
  };
};

export const clients = {
  "graphql-ws": overWebSocket,
  "graphql-http": overHttp,
  "Apollo Client": apollo,
  urql,
  Relay: relayClient,
};
