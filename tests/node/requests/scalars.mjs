// The schema as Kring prints it, with the scalars read as Kring reads them.
import { GraphQLError, Kind, buildSchema } from 'graphql';

const days = (year, month) => [31, year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];

function isDate(text) {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!parts) return false;
  const [year, month, day] = parts.slice(1).map(Number);
  return year > 0 && month >= 1 && month <= 12 && day >= 1 && day <= days(year, month);
}

function isDateTime(text) {
  const parts = /^(\d{4}-\d{2}-\d{2})T(\d{2}):(\d{2}):(\d{2})(\.\d+)?(Z|[+-](\d{2}):(\d{2}))$/.exec(text);
  return parts !== null && isDate(parts[1]) && parts[2] < 24 && parts[3] < 60 && parts[4] < 60 && (parts[7] ?? 0) < 24 && (parts[8] ?? 0) < 60;
}

function isSchoolYear(text) {
  const parts = /^(\d{4})-(\d{4})$/.exec(text);
  return parts !== null && Number(parts[2]) === Number(parts[1]) + 1;
}

const fits = { Date: isDate, DateTime: isDateTime, SchoolYear: isSchoolYear };

export function schemaOf(sdl) {
  const schema = buildSchema(sdl);
  for (const [name, test] of Object.entries(fits)) {
    const scalar = schema.getType(name);
    const read = (value) => {
      if (typeof value === 'string' && test(value)) return value;
      throw new GraphQLError(`not a ${name}`);
    };
    scalar.parseValue = read;
    scalar.parseLiteral = (node) => read(node.kind === Kind.STRING ? node.value : undefined);
  }
  for (const name of Object.keys(schema.getTypeMap())) {
    const type = schema.getType(name);
    if (type.constructor.name === 'GraphQLScalarType' && !name.startsWith('__') && !(name in fits) && !['Int', 'Float', 'String', 'Boolean', 'ID'].includes(name)) {
      throw new Error(`tell this test how to read the scalar ${name}`);
    }
  }
  return schema;
}
