// Compares what Kring makes of generated requests with what graphql-js makes of them over the same schema:
//
// 1. whether a request is refused before anything runs,
// 2. which fields are executed for objects of each type, in which order, and with which arguments, defaults filled in,
// 3. for queries, the data: its shape, the order of its fields, and at which paths fields fail.
//
// Kring stands at the other end of standard input and output: a line with requests goes out, a line with what Kring
// made of each comes back. The first line from there holds the schema and how much to do. At the end a line tells the
// outcome, and differences go to standard error.
import { createInterface } from 'node:readline';
import {
  GraphQLError, MaxIntrospectionDepthRule, execute, getIntrospectionQuery, getNamedType, getOperationAST, getVariableValues, isAbstractType, isCompositeType, parse, specifiedRules, validate, visit,
} from 'graphql';
import { collectFields, collectSubfields } from 'graphql/execution/collectFields.js';
import { getFieldDef } from 'graphql/execution/execute.js';
import { getArgumentValues } from 'graphql/execution/values.js';
import { Generator, random } from './generate.mjs';
import { mutate } from './mutate.mjs';
import { schemaOf } from './scalars.mjs';

const BATCH = 40;
// A limit on introspection, not a rule of the specification; Kring has its own.
const RULES = specifiedRules.filter((rule) => rule !== MaxIntrospectionDepthRule);
// Two deliberate differences, each counted and told at the end. A condition that is null stops graphql-js half-way;
// Kring refuses the request. And a subscription's field may be neither skipped nor included (September 2025), which
// graphql-js 16 does not know yet.
const told = { documents: 0, refused: 0, executed: 0, arguments: 0, nullConditions: 0, conditionalSubscriptions: 0 };

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const receive = async () => JSON.parse((await lines.next()).value);
const send = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const ask = async (requests) => {
  send({ requests });
  return receive();
};

const { sdl, seed, documents } = await receive();
const schema = schemaOf(sdl);
const fragmentsOf = (document) => Object.fromEntries(document.definitions.filter((d) => d.kind === 'FragmentDefinition').map((d) => [d.name.value, d]));

// What graphql-js says: a request error, or what is to be executed.
function judge({ query, variables, operationName }) {
  try {
    const document = parse(query);
    // A rule of graphql-js 16 wants the operations before the fragments, or it falls over variables in oneOf inputs.
    document.definitions.sort((a, b) => (a.kind === 'FragmentDefinition') - (b.kind === 'FragmentDefinition'));
    const errors = validate(schema, document, RULES);
    if (errors.length > 0) return { refused: errors[0].message };
    const operation = getOperationAST(document, operationName === '' ? undefined : operationName);
    if (!operation) return { refused: 'no such operation' };
    const { coerced, errors: wrong } = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
    if (wrong) return { refused: wrong[0].message };
    return { document, operation, variables: coerced, fragments: fragmentsOf(document) };
  } catch (error) {
    // The same rule falls over variables that are not declared at all.
    return { refused: String(error) };
  }
}

class NullCondition extends Error {}
const collecting = (collect) => {
  try {
    return collect();
  } catch (error) {
    if (error instanceof GraphQLError && error.message.includes('"if"')) throw new NullCondition();
    throw error;
  }
};

// Kring's document for objects of a type, fields by response key.
function own(type, selections, found = new Map()) {
  for (const selection of selections) {
    if (selection.on === undefined) found.set(selection.key, [...(found.get(selection.key) ?? []), selection]);
    else if (selection.on === type.name || (isAbstractType(schema.getType(selection.on)) && schema.isSubType(schema.getType(selection.on), type))) own(type, selection.select, found);
  }
  return found;
}

// Compares the fields of objects of a type, and those below; answers with the first difference.
function fields(type, theirs, ours, judged, path) {
  const keys = [[...theirs.keys()].join(' '), [...ours.keys()].join(' ')];
  if (keys[0] !== keys[1]) return `${path} on ${type.name}: fields ${keys[1]} instead of ${keys[0]}`;
  for (const [key, nodes] of theirs) {
    const definition = getFieldDef(schema, type, nodes[0]);
    const [first] = ours.get(key);
    const here = `${path}.${key}`;
    if (first.name !== nodes[0].name.value) return `${here}: ${first.name} instead of ${nodes[0].name.value}`;
    let expected;
    try {
      expected = JSON.stringify(sorted(getArgumentValues(definition, nodes[0], judged.variables)));
    } catch {
      judged.fails = true;
    }
    const given = JSON.stringify(sorted(first.arguments));
    if (expected !== undefined && given !== expected) return `${here}: arguments ${given} instead of ${expected}`;
    told.arguments += expected === undefined || expected === '{}' ? 0 : 1;
    const named = getNamedType(definition.type);
    if (!isCompositeType(named)) continue;
    for (const object of isAbstractType(named) ? sample(schema.getPossibleTypes(named)) : [named]) {
      const below = collecting(() => collectSubfields(schema, judged.fragments, judged.variables, object, nodes));
      const difference = fields(object, below, own(object, ours.get(key).flatMap((selection) => selection.select)), judged, here);
      if (difference) return difference;
    }
  }
  return undefined;
}

// A few of many types, others each time.
const sample = (types) => (types.length <= 4 ? types : [0, 1, 2, 3].map((n) => types[(told.documents * 5 + n * 7) % types.length]));

const sorted = (value) => {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
};

// What graphql-js makes of the document when its resolvers answer with Kring's data.
function reread(judged, request, data) {
  return execute({
    schema, document: judged.document, operationName: judged.operation.name?.value, rootValue: data, variableValues: request.variables,
    fieldResolver: (source, args, context, info) => source[info.path.key],
    typeResolver: (source) => source.__typename,
  });
}

function compareData(judged, request, { status, body }) {
  const answer = JSON.parse(body);
  if (status !== 200 || !('data' in answer)) return `answered ${status} ${body.slice(0, 300)}`;
  const paths = (answer.errors ?? []).map((error) => JSON.stringify(error.path));
  if (paths.includes(undefined)) return `an error without a path: ${body.slice(0, 300)}`;
  told.executed += 1;
  if (answer.data === null) return paths.length > 0 ? undefined : 'no data and no error';
  const expected = reread(judged, request, answer.data);
  // A mutation of the document may have lost the name of the type, which graphql-js needs to read the data again.
  if (expected.errors?.some((error) => error.message.startsWith('Abstract type'))) return undefined;
  for (const error of expected.errors ?? []) {
    if (!paths.includes(JSON.stringify(error.path))) return `no error at ${JSON.stringify(error.path)}: ${error.message}`;
  }
  const [theirs, ours] = [JSON.stringify(expected.data), JSON.stringify(answer.data)];
  return theirs === ours ? undefined : `data\n    ${ours.slice(0, 2000)}\n  instead of\n    ${theirs.slice(0, 2000)}`;
}

const inspects = (request) => /__(schema|type)\b/.test(request.query.replaceAll('__typename', ''));

function compare(request, theirs) {
  told.documents += 1;
  const judged = judge(request);
  if (judged.refused !== undefined) {
    told.refused += 1;
    return theirs.refused ? undefined : `accepted, where graphql-js says: ${judged.refused}`;
  }
  if (theirs.refused?.includes('neither skipped nor included')) {
    told.conditionalSubscriptions += 1;
    return undefined;
  }
  try {
    const root = schema.getRootType(judged.operation.operation);
    const wanted = collecting(() => collectFields(schema, judged.fragments, judged.variables, root, judged.operation.selectionSet));
    if (theirs.refused) {
      fields(root, wanted, own(root, []), judged, ''); // Finds a condition that is null.
      return everyCondition(judged) ?? `refused: ${theirs.refused}`;
    }
    const difference = fields(root, wanted, own(root, theirs.selections), judged, '');
    return difference ?? (theirs.answer && !inspects(request) ? compareData(judged, request, theirs.answer) : undefined);
  } catch (error) {
    if (!(error instanceof NullCondition)) throw error;
    told.nullConditions += 1;
    return theirs.refused?.includes('must not be null') ? undefined : `a condition is null: ${theirs.refused ?? 'accepted'}`;
  }
}

// Whether a condition anywhere is null, when Kring says so.
function everyCondition(judged) {
  visit(judged.document, {
    Directive(node) {
      for (const { value } of node.arguments) {
        if (value.kind === 'Variable' && judged.variables[value.name.value] === null) throw new NullCondition();
      }
    },
  });
  return undefined;
}

const generator = new Generator(schema, [], seed);
const r = random(seed ^ 0x5bd1e995);
const found = await ask([{ query: '{ groups(first: 20) { edges { node { id } } } participants(first: 40) { edges { node { id } } } memberships(first: 20) { edges { node { id } } } contents(first: 40) { edges { node { id } } } }', variables: {} }]);
generator.ids = [...found[0].answer.body.matchAll(/"id":"([^"]+)"/g)].map(([, id]) => id);

// What Kring's schema says of itself, against what graphql-js says of the same text. The order of lists is left open.
async function compareIntrospection() {
  const query = getIntrospectionQuery({ specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true, oneOf: true });
  const [{ refused, answer }] = await ask([{ query, variables: {} }]);
  if (refused) return [`introspection is refused: ${refused}`];
  const flat = (data) => {
    const found = new Map();
    const walk = (value, path) => {
      if (Array.isArray(value) && value.length === 0) found.set(path, '[]');
      else if (Array.isArray(value)) value.forEach((item) => walk(item, `${path}/${item?.name ?? item}`));
      else if (value !== null && typeof value === 'object') for (const [key, inner] of Object.entries(value)) walk(inner, `${path}.${key}`);
      else found.set(path, value);
    };
    walk(data, '');
    return found;
  };
  const [ours, theirs] = [flat(JSON.parse(answer.body).data), flat((await execute({ schema, document: parse(query) })).data)];
  const paths = [...new Set([...ours.keys(), ...theirs.keys()])].filter((path) => ours.get(path) !== theirs.get(path));
  return paths.slice(0, 20).map((path) => `introspection: ${path}: ${ours.get(path)} instead of ${theirs.get(path)}`);
}

const differences = await compareIntrospection();
while (told.documents < documents && differences.length < 20) {
  const requests = Array.from({ length: BATCH }, () => {
    const request = generator.document();
    return r.chance(0.5) ? mutate(r, request) : request;
  });
  const answers = await ask(requests);
  for (const [n, request] of requests.entries()) {
    const difference = compare(request, answers[n]);
    if (difference) differences.push(`${difference}\n  ${JSON.stringify(request)}`);
  }
}
for (const difference of differences) console.error(difference);
send({ done: told, ids: generator.ids.length, differences: differences.length });
// Nothing more comes from there, and this program ends when nothing holds it.
process.stdin.destroy();
