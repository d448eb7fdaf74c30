// Documents with variables and fragments, valid for a schema. The same seed makes the same documents.
import {
  getNamedType, getNullableType, isAbstractType, isCompositeType, isEnumType, isInputObjectType, isInterfaceType, isListType, isNonNullType, isObjectType,
} from 'graphql';

export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    next,
    chance: (p) => next() < p,
    below: (n) => Math.floor(next() * n),
    pick: (list) => list[Math.floor(next() * list.length)],
  };
}

// How strings may be written, and what they say.
const STRINGS = [['"a"', 'a'], ['""', ''], ['"\\uD83D\\uDE00 \\u{1F600}"', '😀 😀'], ['"é\\n\\t\\"\\\\\\/"', 'é\n\t"\\/'],
  ['"""\n    one\n      two \\"""\n   \n    """', 'one\n  two """'], ['"""x"""', 'x'], ['"# { [ $a"', '# { [ $a']];

export class Generator {
  constructor(schema, ids, seed) {
    Object.assign(this, { schema, ids, r: random(seed) });
  }

  document() {
    const { r, schema } = this;
    Object.assign(this, { declared: [], values: {}, fragments: [], size: 0 });
    const root = r.chance(0.8) ? schema.getQueryType() : r.chance(0.8) ? schema.getMutationType() : schema.getSubscriptionType();
    const kind = root === schema.getQueryType() ? 'query' : root === schema.getMutationType() ? 'mutation' : 'subscription';
    const body = kind === 'subscription' ? `{ ${this.field(root, this.pickField(root), 0)} }` : this.selections(root, 0);
    const fragments = this.fragments.map((f) => `fragment ${f.name} on ${f.type.name} ${f.body}`);
    const variables = this.declared.map((v) => `$${v.name}: ${v.type}${v.default === undefined ? '' : ` = ${v.default}`}`);
    const name = variables.length > 0 || kind !== 'query' || r.chance(0.5) ? `${kind}${r.chance(0.5) ? ' Q' : ''}` : '';
    const parts = [`${name}${variables.length > 0 ? `(${variables.join(', ')})` : ''} ${body}`, ...fragments];
    if (r.chance(0.5)) parts.reverse();
    return { query: parts.join(r.pick([' ', '\n', '\r\n', ' # {\n'])), variables: this.values };
  }

  pickField(type) {
    return this.r.pick(Object.values(type.getFields()));
  }

  selections(type, depth) {
    const { r } = this;
    const items = [];
    if (isAbstractType(type)) items.push('__typename');
    const count = depth === 0 ? 1 + r.below(3) : 1 + r.below(depth > 4 ? 2 : 4);
    for (let n = 0; n < count; n += 1) items.push(this.selection(type, depth));
    // The same once more, which must be merged.
    if (r.chance(0.1)) items.push(r.pick(items));
    return `{ ${items.join(r.pick([' ', ', ', '\n']))} }`;
  }

  selection(type, depth) {
    const { r } = this;
    this.size += 1;
    if (r.chance(0.15) && this.size < 35) {
      const on = this.condition(type);
      return `...${r.chance(0.3) && on === type ? '' : ` on ${on.name}`}${this.directives()} ${this.selections(on, depth + 0.5)}`;
    }
    if (r.chance(0.1) && this.size < 35) return this.spread(type, depth);
    const fields = isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
    const leaves = fields.filter((field) => !isCompositeType(getNamedType(field.type)));
    if (r.chance(0.07) || fields.length === 0) return `${r.chance(0.3) ? `t${r.below(2)}: ` : ''}__typename`;
    if (depth === 0 && type === this.schema.getQueryType() && r.chance(0.04)) return this.introspection();
    const deep = depth > 5 || this.size > 35;
    return this.field(type, r.pick(deep && leaves.length > 0 ? leaves : fields), depth);
  }

  introspection() {
    const { r } = this;
    const name = r.pick(['Group', 'Node', 'GroupFilter', 'OrderDirection', 'Nothing']);
    const deprecated = r.pick(['', '(includeDeprecated: true)', `(includeDeprecated: ${this.variable('Boolean')})`]);
    return r.chance(0.5) ? `__type(name: "${name}") { kind name fields${deprecated} { name type { ...K kind } } ... on __Type { enumValues { name } } }`.replace('...K', '')
      : '__schema { queryType { name } directives { name args { name } } }';
  }

  condition(type) {
    const options = [type];
    const possible = this.schema.getPossibleTypes.bind(this.schema);
    const own = isAbstractType(type) ? possible(type) : [type];
    if (isAbstractType(type)) options.push(...own);
    for (const other of Object.values(this.schema.getTypeMap())) {
      if (isAbstractType(other) && possible(other).some((one) => own.includes(one))) options.push(other);
    }
    return this.r.pick(options);
  }

  spread(type, depth) {
    const { r } = this;
    const known = this.fragments.filter((f) => f.body !== undefined && f.type === type);
    let fragment = r.pick(known);
    if (fragment === undefined || r.chance(0.5)) {
      fragment = { name: `F${this.fragments.length}`, type: this.condition(type) };
      this.fragments.push(fragment);
      fragment.body = this.selections(fragment.type, depth + 0.5);
    }
    return `...${fragment.name}${this.directives()}`;
  }

  field(type, field, depth) {
    const { r } = this;
    const named = getNamedType(field.type);
    const args = field.args.filter((arg) => (isNonNullType(arg.type) && arg.defaultValue === undefined) || r.chance(0.35));
    const given = args.map((arg) => [arg.name, this.value(arg.type, arg.defaultValue !== undefined, arg.name, 0)]);
    if (r.chance(0.2)) given.reverse();
    const text = given.length > 0 ? `(${given.map(([name, value]) => `${name}: ${value}`).join(', ')})` : '';
    // A field with arguments has a name of its own mostly, as its arguments differ each time.
    const alias = (text !== '' && r.chance(0.9)) || r.chance(0.1) ? `a${r.chance(0.97) ? this.size : 1}: ` : '';
    const body = isCompositeType(named) ? ` ${this.selections(named, depth + 1)}` : '';
    return `${alias}${field.name}${text}${type === this.schema.getSubscriptionType() ? '' : this.directives()}${body}`;
  }

  directives() {
    const { r } = this;
    if (!r.chance(0.1)) return '';
    const one = (name) => ` @${name}(if: ${r.chance(0.5) ? r.pick(['true', 'false']) : this.condition_variable()})`;
    return r.chance(0.2) ? one('skip') + one('include') : one(r.pick(['skip', 'include']));
  }

  // Never null: graphql-js stops half-way then, where Kring refuses before it starts.
  condition_variable() {
    const { r } = this;
    const value = r.chance(0.5);
    return r.chance(0.5) ? this.declare('Boolean!', undefined, value) : this.declare('Boolean', String(r.chance(0.5)), r.chance(0.5) ? value : undefined);
  }

  declare(type, fallback, value) {
    const name = `v${this.declared.length}`;
    this.declared.push({ name, type, default: fallback });
    if (value !== undefined) this.values[name] = value;
    return `$${name}`;
  }

  variable(type) {
    return this.declare(String(type), undefined, this.r.chance(0.5) ? this.json(getNullableType(this.schema.getType(type) ?? type), type, 0) : undefined);
  }

  value(type, hasDefault, name, depth) {
    const { r } = this;
    if (r.chance(0.35)) return this.asVariable(type, hasDefault, name, depth);
    if (!isNonNullType(type) && r.chance(0.08)) return 'null';
    const plain = getNullableType(type);
    if (isListType(plain)) {
      if (r.chance(0.2) && !isListType(getNullableType(plain.ofType))) return this.value(isNonNullType(plain.ofType) ? plain.ofType : plain.ofType, false, name, depth).replace(/^\$.*/, (v) => `[${v}]`);
      const items = Array.from({ length: r.below(3) }, () => this.value(plain.ofType, false, name, depth + 1));
      return `[${items.join(', ')}]`;
    }
    if (isInputObjectType(plain)) return this.object(plain, depth);
    return this.leaf(plain, name)[0];
  }

  object(type, depth) {
    const { r } = this;
    const fields = Object.values(type.getFields());
    if (type.isOneOf) {
      const field = r.pick(fields);
      const inner = getNullableType(field.type);
      if (r.chance(0.2)) return `{ ${field.name}: ${this.declare(`${inner}!`, undefined, this.json(inner, field.name, depth + 1))} }`;
      return `{ ${field.name}: ${isInputObjectType(inner) ? this.object(inner, depth + 1) : this.leaf(inner, field.name)[0]} }`;
    }
    const given = fields.filter((f) => (isNonNullType(f.type) && f.defaultValue === undefined) || r.chance(depth > 2 ? 0.05 : 0.25));
    return `{ ${given.map((f) => `${f.name}: ${this.value(f.type, f.defaultValue !== undefined, f.name, depth + 1)}`).join(', ')} }`;
  }

  // A variable that may stand where a type is expected: of that type, stricter, or nullable where something stands in.
  asVariable(type, hasDefault, name, depth) {
    const { r } = this;
    const plain = getNullableType(type);
    const given = () => this.json(plain, name, depth);
    if (!isNonNullType(type)) {
      if (r.chance(0.3)) return this.declare(`${plain}!`, undefined, given());
      const fallback = r.chance(0.3) ? this.constant(plain, name, depth) : undefined;
      return this.declare(String(plain), fallback, r.pick([undefined, null, given()]));
    }
    if (hasDefault && r.chance(0.5)) return this.declare(String(plain), undefined, r.chance(0.15) ? null : r.pick([undefined, given()]));
    if (r.chance(0.3)) return this.declare(String(plain), this.constant(plain, name, depth), r.chance(0.1) ? null : r.pick([undefined, given()]));
    return this.declare(String(type), r.chance(0.2) ? this.constant(plain, name, depth) : undefined, given());
  }

  // The same as a literal without variables.
  constant(type, name, depth) {
    const write = (value, of) => {
      const plain = getNullableType(of);
      if (value === null) return 'null';
      if (isListType(plain)) return Array.isArray(value) ? `[${value.map((item) => write(item, plain.ofType)).join(', ')}]` : write(value, plain.ofType);
      if (isInputObjectType(plain)) return `{ ${Object.entries(value).map(([key, inner]) => `${key}: ${write(inner, plain.getFields()[key].type)}`).join(', ')} }`;
      return isEnumType(plain) ? value : JSON.stringify(value);
    };
    return write(this.json(type, name, depth), type);
  }

  json(type, name, depth) {
    const { r } = this;
    const plain = getNullableType(type);
    const inner = (of) => (!isNonNullType(of) && r.chance(0.1) ? null : this.json(getNullableType(of), name, depth + 1));
    if (isListType(plain)) return r.chance(0.2) && !isListType(getNullableType(plain.ofType)) ? this.json(getNullableType(plain.ofType), name, depth) : Array.from({ length: r.below(3) }, () => inner(plain.ofType));
    if (isInputObjectType(plain)) {
      const fields = Object.values(plain.getFields());
      const chosen = plain.isOneOf ? [r.pick(fields)] : fields.filter((f) => (isNonNullType(f.type) && f.defaultValue === undefined) || r.chance(depth > 2 ? 0.05 : 0.25));
      return Object.fromEntries(chosen.map((f) => [f.name, !plain.isOneOf && !isNonNullType(f.type) && r.chance(0.1) ? null : this.json(getNullableType(f.type), f.name, depth + 1)]));
    }
    return this.leaf(plain, name)[1];
  }

  // A value of a scalar or an enum: as it is written, and as JSON.
  leaf(type, name) {
    const { r } = this;
    const same = (value) => [JSON.stringify(value), value];
    if (isEnumType(type)) {
      const value = r.pick(type.getValues()).name;
      return [value, value];
    }
    switch (type.name) {
      case 'Int': return same(r.pick(name === 'first' || name === 'last' ? [1, 2, 3, 1, 2, 3, 0, 101] : [0, 1, -1, 7, 2147483647, -2147483648]));
      case 'Float': return same(r.pick([0, 1.5, -2]));
      case 'Boolean': return same(r.chance(0.5));
      case 'ID': return r.chance(0.1) ? ['7', 7] : same(r.chance(0.9) && this.ids.length > 0 ? r.pick(this.ids) : 'xx');
      case 'Date': return same(r.pick(['2026-09-01', '2024-02-29', '0001-01-01', '9999-12-31']));
      case 'DateTime': return same(r.pick(['2026-09-01T08:30:00+02:00', '2026-09-01T06:30:00.5Z']));
      case 'SchoolYear': return same(r.pick(['2025-2026', '2026-2027']));
      default: return r.pick(STRINGS);
    }
  }
}
