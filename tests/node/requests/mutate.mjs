// Makes a valid request wrong, mostly: one rule of the specification after the other is broken at some place.
import { Kind, parse, print, visit } from 'graphql';

const name = (value) => ({ kind: Kind.NAME, value });
const argument = (key, value) => ({ kind: Kind.ARGUMENT, name: name(key), value });
const field = (key, rest = {}) => ({ kind: Kind.FIELD, name: name(key), arguments: [], directives: [], ...rest });
const variable = (key) => ({ kind: Kind.VARIABLE, name: name(key) });
const directive = (key, args = []) => ({ kind: Kind.DIRECTIVE, name: name(key), arguments: args });
const named = (key) => ({ kind: Kind.NAMED_TYPE, name: name(key) });
const set = (selections) => ({ kind: Kind.SELECTION_SET, selections });

const LITERALS = ['1', '1.5', '"x"', 'true', 'null', 'NAME', '[1]', '["x"]', '{a: 1}', '3000000000', '"2025-02-30"', '-1', '[]', '{}', '[null]', '"2026-09-01T00:00:00"'];
const literal = (text) => parse(`{ a(b: ${text}) }`).definitions[0].selectionSet.selections[0].arguments[0].value;

// Changes one node of a kind, chosen by chance; `null` when there is none.
function change(r, ast, kinds, edit) {
  const found = [];
  visit(ast, { enter(node) { if (kinds.includes(node.kind)) found.push(node); } });
  if (found.length === 0) return null;
  const chosen = r.pick(found);
  return visit(ast, { enter(node) { return node === chosen ? edit(node) : undefined; } });
}

const VALUES = [Kind.INT, Kind.FLOAT, Kind.STRING, Kind.BOOLEAN, Kind.NULL, Kind.ENUM, Kind.LIST, Kind.OBJECT, Kind.VARIABLE];
const HOLDERS = [Kind.FIELD, Kind.INLINE_FRAGMENT, Kind.FRAGMENT_SPREAD];
const any = (list, make) => (r, ast) => change(r, ast, list, (node) => make(node, r));

const TYPES = ['Int', 'String', 'ID', 'ID!', '[ID!]!', '[ID]', 'Boolean', 'GroupFilter', 'OrderDirection', 'Group', 'Nothing', 'Date', 'MembershipRole', '[String!]'];
const type = (text) => parse(`query($a: ${text}) { a }`).definitions[0].variableDefinitions[0].type;

const EDITS = [
  any([Kind.FIELD], (node) => ({ ...node, name: name('nothing') })),
  any([Kind.FIELD], (node, r) => ({ ...node, arguments: [...node.arguments, argument(r.pick(['nothing', 'first', 'id', 'input']), literal(r.pick(LITERALS)))] })),
  any([Kind.FIELD], (node) => (node.arguments.length > 0 ? { ...node, arguments: [...node.arguments, node.arguments[0]] } : { ...node, arguments: [argument('first', literal('1'))] })),
  any([Kind.FIELD], (node) => ({ ...node, arguments: node.arguments.slice(1) })),
  any([Kind.ARGUMENT, Kind.OBJECT_FIELD], (node, r) => ({ ...node, value: literal(r.pick(LITERALS)) })),
  any([Kind.ARGUMENT, Kind.OBJECT_FIELD], (node, r) => ({ ...node, value: literal(r.pick(LITERALS)) })),
  any([Kind.ENUM], (node) => ({ kind: Kind.STRING, value: node.value })),
  any([Kind.STRING], (node) => ({ kind: Kind.ENUM, value: 'NAME' })),
  any([Kind.ENUM], (node) => ({ ...node, value: `${node.value}_` })),
  any([Kind.OBJECT], (node) => ({ ...node, fields: [...node.fields, ...node.fields.slice(0, 1)] })),
  any([Kind.OBJECT], (node, r) => ({ ...node, fields: [...node.fields, { kind: Kind.OBJECT_FIELD, name: name('nothing'), value: literal(r.pick(LITERALS)) }] })),
  any([Kind.OBJECT], (node) => ({ ...node, fields: node.fields.slice(1) })),
  any(VALUES, () => variable('undeclared')),
  any([Kind.VARIABLE], (node, r) => variable(`v${r.below(4)}`)),
  any([Kind.LIST], (node, r) => ({ ...node, values: [...node.values, literal(r.pick(LITERALS))] })),
  any([Kind.OPERATION_DEFINITION], (node) => ({ ...node, variableDefinitions: node.variableDefinitions.slice(1) })),
  any([Kind.OPERATION_DEFINITION], (node) => ({ ...node, name: node.name ?? name('Q'), variableDefinitions: [...node.variableDefinitions, { kind: Kind.VARIABLE_DEFINITION, variable: variable('unused'), type: named('Int'), directives: [] }] })),
  any([Kind.OPERATION_DEFINITION], (node) => ({ ...node, variableDefinitions: [...node.variableDefinitions, ...node.variableDefinitions.slice(0, 1)] })),
  any([Kind.VARIABLE_DEFINITION], (node, r) => ({ ...node, type: type(r.pick(TYPES)) })),
  any([Kind.VARIABLE_DEFINITION], (node) => ({ ...node, type: node.type.kind === Kind.NON_NULL_TYPE ? node.type.type : { kind: Kind.NON_NULL_TYPE, type: node.type } })),
  any([Kind.VARIABLE_DEFINITION], (node, r) => ({ ...node, type: r.chance(0.5) ? { kind: Kind.LIST_TYPE, type: node.type } : node.type.type?.type ?? node.type })),
  any([Kind.VARIABLE_DEFINITION], (node, r) => ({ ...node, defaultValue: literal(r.pick(LITERALS)) })),
  any([Kind.VARIABLE_DEFINITION], (node) => ({ ...node, directives: [directive('skip', [argument('if', literal('true'))])] })),
  any([Kind.FRAGMENT_SPREAD], (node) => ({ ...node, name: name('Nothing') })),
  any([Kind.FRAGMENT_DEFINITION, Kind.INLINE_FRAGMENT], (node, r) => ({ ...node, typeCondition: named(r.pick(['Group', 'Person', 'Node', 'Content', 'Query', 'Mutation', 'Nothing', 'GroupFilter', 'Date'])) })),
  any([Kind.FRAGMENT_DEFINITION], (node) => ({ ...node, selectionSet: set([...node.selectionSet.selections, { kind: Kind.FRAGMENT_SPREAD, name: node.name, directives: [] }]) })),
  any([Kind.FRAGMENT_DEFINITION], (node) => ({ ...node, directives: [directive('include', [argument('if', literal('true'))])] })),
  any([Kind.FIELD], (node) => ({ ...node, selectionSet: node.selectionSet ? undefined : set([field('id')]) })),
  any([Kind.FIELD], (node) => ({ ...node, selectionSet: node.selectionSet ? undefined : set([field('__typename')]) })),
  any([Kind.FIELD], (node, r) => ({ ...node, alias: name(r.pick(['id', 'name', 'a1', 't0'])) })),
  any([Kind.FIELD], (node, r) => ({ ...node, alias: name(r.pick(['id', 'name', 'a1', 't0'])) })),
  any(HOLDERS, (node, r) => ({ ...node, directives: [...node.directives, directive(r.pick(['nothing', 'deprecated', 'skip', 'include', 'oneOf', 'specifiedBy']))] })),
  any(HOLDERS, (node, r) => ({ ...node, directives: [...node.directives, directive('skip', [argument('if', literal(r.pick(LITERALS)))])] })),
  any(HOLDERS, (node) => ({ ...node, directives: [...node.directives, ...node.directives, directive('skip', [argument('if', literal('false')), argument('unless', literal('true'))])] })),
  any([Kind.SELECTION_SET], (node, r) => set([...node.selections, field(r.pick(['id', 'name', 'version', '__typename', '__schema', 'totalCount']))])),
  any([Kind.SELECTION_SET], (node, r) => set([...node.selections].reverse().slice(0, 1 + r.below(3)))),
  any([Kind.SELECTION_SET], (node, r) => set([...node.selections, { kind: Kind.INLINE_FRAGMENT, typeCondition: named(r.pick(['Person', 'Organization', 'NewsItem', 'Survey', 'Group'])), directives: [], selectionSet: set([field(r.pick(['id', 'name', 'displayName', 'title', '__typename']))]) }])),
  (r, ast) => ({ ...ast, definitions: [...ast.definitions, ...parse(r.pick(['fragment Unused on Group { id }', '{ version }', 'query Other { version }', 'query Other { nothing }', 'query Q { version }', 'subscription Other { __typename }'])).definitions] }),
  (r, ast) => ({ ...ast, definitions: ast.definitions.filter((d) => d.kind !== Kind.FRAGMENT_DEFINITION) }),
];

// What can be wrong with the text alone.
const TOKENS = ['{', '}', '(', ')', '[', ']', ':', '!', '$', '=', '@', '...', 'on', 'query', 'fragment', 'null', 'true', '1', '01', '1.', '1e', '0xF', '"', '"\\x"', '"\\uD83D"', '"\\u{110000}"', '"\\u{1F600}"', '"""', ',', '#', '&', '|', '?', '-', '-0', '\u{feff}', 'é', '""""""', '()', '{}', 'queryx'];

function editText(r, text) {
  const tokens = text.match(/"""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|[A-Za-z_0-9]+|\.\.\.|\s+|./gu) ?? [];
  const at = r.below(tokens.length);
  tokens.splice(at, r.below(2), r.chance(0.7) ? r.pick(TOKENS) : '', ...(r.chance(0.5) ? [' '] : []));
  return tokens.join('');
}

const JSON_VALUES = [1, 1.5, 1.0, -0.5, 3000000000, '1', 'x', '', true, null, [], [null], ['x'], {}, { nothing: 1 }, '2025-02-30', [[1]], 'ASC', 1e3];

function editVariables(r, variables) {
  const paths = [];
  const walk = (value, path) => {
    if (path.length > 0) paths.push(path);
    if (value !== null && typeof value === 'object') for (const key of Object.keys(value)) walk(value[key], [...path, key]);
  };
  walk(variables, []);
  const copy = structuredClone(variables);
  if (paths.length === 0) return { ...copy, v0: r.pick(JSON_VALUES) };
  const path = r.pick(paths);
  const holder = path.slice(0, -1).reduce((value, key) => value[key], copy);
  const last = path.at(-1);
  if (r.chance(0.2) && !Array.isArray(holder)) delete holder[last];
  else if (r.chance(0.15) && !Array.isArray(holder) && path.length > 1) holder.nothing = 1;
  else holder[last] = r.pick(JSON_VALUES);
  return copy;
}

export function mutate(r, { query, variables }) {
  const edit = r.next();
  if (edit < 0.2) return { query, variables: editVariables(r, variables) };
  if (edit < 0.35) return { query: editText(r, query), variables };
  if (edit < 0.38) return { query, variables, operationName: r.pick(['Q', 'Other', '']) };
  let ast = parse(query);
  for (let n = 0; n < (r.chance(0.8) ? 1 : 2); n += 1) ast = r.pick(EDITS)(r, ast) ?? ast;
  return { query: print(ast), variables, ...(r.chance(0.1) ? { operationName: 'Q' } : {}) };
}
