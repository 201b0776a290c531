// YAML text against a schema: errors name file, line, column, key, what was found and what was expected, and the nearest known word.

import {isUtf8} from 'node:buffer';
import {type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument, visit, type YAMLParseError} from 'yaml';
import type {z} from 'zod';
import {AppError, type ErrorCode} from '../core/errors.ts';
import {maskUrls} from '../core/masked.ts';
import {nearest} from '../core/nearest.ts';

export type YamlFile = {readonly name: string; readonly document: Document; readonly lines: LineCounter};

/** The bytes as text. Throws AppError with the first line that is no UTF-8. */
export function textOf(bytes: Buffer, fileName: string): string {
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes);
  let line = 1;
  for (let from = 0; ; line++) {
    const end = bytes.indexOf('\n', from);
    if (end < 0 || !isUtf8(bytes.subarray(from, end))) break;
    from = end + 1;
  }
  throw new AppError('CONFIG_INVALID', `${fileName}:${line}`, 'is no text in UTF-8; save it as such');
}

/** The text as YAML. Throws AppError with the line where it is not. */
export function parseYaml(text: string, fileName: string, code: ErrorCode = 'CONFIG_INVALID'): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, {lineCounter: lines, prettyErrors: false, logLevel: 'error'});
  const [error] = document.errors;
  if (error) {
    const {line, col} = lines.linePos(error.pos[0]);
    throw new AppError(code, `${fileName}:${line}:${col}`, whatIsWrong(error, lines, document), {cause: error});
  }
  // A key is a text, also `12:`; it is looked for as one.
  visit(document, {
    Pair(_, {key}) {
      if (isScalar(key) && typeof key.value === 'number') key.value = String(key.value);
    },
  });
  const yaml = {name: fileName, document, lines};
  try {
    document.toJS();
  } catch (error) {
    throw new AppError(code, aliasPlace(yaml), (error as Error).message, {cause: error});
  }
  return yaml;
}

function whatIsWrong({code, message, pos}: YAMLParseError, lines: LineCounter, document: Document): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here (`---`); expected one';
  if (code === 'DUPLICATE_KEY') {
    const same = sameKeys(document, pos[0]);
    if (same) return `${same.key}: is here a second time, first in line ${lines.linePos(same.firstAt).line}; expected once`;
  }
  return message.split('\n')[0] ?? 'not YAML';
}

/** The key that stands at an offset, with those above it, and where it stood first. */
function sameKeys(document: Document, offset: number): {readonly key: string; readonly firstAt: number} | null {
  let found: {readonly key: string; readonly firstAt: number} | null = null;
  visit(document, {
    Map(_, map, above) {
      const second = map.items.find(({key}) => isScalar(key) && key.range?.[0] === offset);
      if (!second) return undefined;
      const name = String(second.key);
      const first = map.items.find(({key}) => String(key) === name);
      const path = [...above.flatMap(one => (isPair(one) ? [String(one.key)] : [])), name];
      found = {key: path.join('.'), firstAt: isNode(first?.key) ? (first.key.range?.[0] ?? 0) : 0};
      return visit.BREAK;
    },
  });
  return found;
}

/** Where the first alias stands that leads nowhere, else the first of all: too many of them are an error as well. */
function aliasPlace({name, document, lines}: YamlFile): string {
  const offsets: number[] = [];
  let lost: number | undefined;
  visit(document, {
    Alias(_, alias) {
      const offset = alias.range?.[0] ?? 0;
      offsets.push(offset);
      if (lost === undefined && !alias.resolve(document)) lost = offset;
    },
  });
  const {line, col} = lines.linePos(lost ?? offsets[0] ?? 0);
  return `${name}:${line}:${col}`;
}

/** `file:line:column` of a key path: of the key itself where it exists, else of its nearest parent. */
export function placeOf(file: YamlFile, path: readonly PropertyKey[], ofKey = false): string {
  for (let length = path.length; length >= 0; length--) {
    const offset = offsetOf(file.document, path.slice(0, length), ofKey && length === path.length);
    if (offset !== null) {
      const {line, col} = file.lines.linePos(offset);
      return `${file.name}:${line}:${col}`;
    }
  }
  return `${file.name}:1:1`;
}

function offsetOf(document: Document, path: readonly PropertyKey[], ofKey: boolean): number | null {
  if (ofKey && path.length > 0) {
    const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
    if (isMap(parent)) {
      for (const pair of parent.items) {
        if (isPair(pair) && isNode(pair.key) && String(pair.key) === String(path.at(-1))) return pair.key.range?.[0] ?? null;
      }
    }
  }
  const node = path.length === 0 ? document.contents : document.getIn(path, true);
  return isNode(node) ? (node.range?.[0] ?? null) : null;
}

/** The document as the schema's type. The first problem is thrown; further ones are counted in its text. */
export function validate<T extends z.ZodType>(schema: T, file: YamlFile, code: ErrorCode = 'CONFIG_INVALID'): z.infer<T> {
  const result = schema.safeParse(file.document.toJS() ?? {});
  if (result.success) return result.data;
  const issues = result.error.issues.flatMap(issue => flatten(issue, []));
  const first = mostTelling(issues, file);
  if (!first) throw new AppError(code, file.name, 'not valid');
  const others = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  throw new AppError(code, placeOf(file, first.path, first.ofKey), `${describe(first, schema, file)}${others}`);
}

type Problem = {readonly issue: z.core.$ZodIssue; readonly path: readonly PropertyKey[]; readonly ofKey: boolean};

/** The first problem; where that is a missing key, an unknown one beside it says more: it is the same, misspelt. */
function mostTelling(issues: readonly Problem[], file: YamlFile): Problem | undefined {
  const [first] = issues;
  if (!first || file.document.getIn(first.path) !== undefined) return first;
  const beside = (one: Problem): boolean => one.path.slice(0, -1).join('.') === first.path.slice(0, -1).join('.');
  return issues.find(one => one.issue.code === 'unrecognized_keys' && beside(one)) ?? first;
}

/** Issues inside a union are the most telling ones: those of the option that got furthest. */
function flatten(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): Problem[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const depth = (issues: readonly z.core.$ZodIssue[]): number =>
      Math.max(0, ...issues.map(one => one.path.length + (one.code === 'unrecognized_keys' ? 1 : 0)));
    const best = issue.errors.toSorted((a, b) => depth(b) - depth(a))[0] ?? [];
    if (depth(best) > 0) return best.flatMap(one => flatten(one, path));
    // The right kind of value, but not a good one: its own words say more than those of the union.
    const close = issue.errors.find(issues => issues.length > 0 && issues.every(one => !isOfKind(one)));
    if (close) return close.flatMap(one => flatten(one, path));
    return [{issue, path, ofKey: false}];
  }
  if (issue.code === 'unrecognized_keys') return issue.keys.map(key => ({issue, path: [...path, key], ofKey: true}));
  return [{issue, path, ofKey: issue.code === 'invalid_key'}];
}

/** An issue about which value may stand there at all, rather than about one that nearly fits. */
const isOfKind = (issue: z.core.$ZodIssue): boolean =>
  issue.code === 'invalid_type' || issue.code === 'invalid_union' || (issue.code === 'invalid_value' && issue.values.length === 1);

/** What is found under these keys never stands in a message. */
const SECRETS: readonly string[] = ['password', 'token'];

function describe({issue, path}: Problem, schema: z.ZodType, file: YamlFile): string {
  const key = path.length > 0 ? `${path.map(String).join('.')}: ` : '';
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path.slice(0, -1));
    if (known.includes(String(path.at(-1)))) return `${key}cannot stand together with ${besideOf(path, file).join(', ')}`;
    const near = nearest(String(path.at(-1)), known);
    return `${key}unknown key${near ? `; did you mean "${near}"?` : known.length > 0 ? `; known here: ${known.join(', ')}` : ''}`;
  }
  const found = file.document.getIn(path);
  const shown = SECRETS.includes(String(path.at(-1)))
    ? 'something that is not shown'
    : path.length > 0 && found === undefined
      ? 'nothing'
      : short(masked(JSON.stringify(file.document.toJS() === null ? null : plain(found)) ?? 'nothing'));
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String);
    const word = plain(found);
    const near = typeof word === 'string' && issue.values.some(value => typeof value === 'string') ? nearest(word, values) : null;
    return `${key}found ${shown}, expected ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}${near ? `; did you mean "${near}"?` : ''}`;
  }
  if (issue.code === 'invalid_key') return `${key}${issue.issues[0]?.message ?? issue.message}`;
  if (issue.code === 'invalid_type' && !issue.message.startsWith('expected')) {
    const bare = issue.expected === 'string' && ['number', 'boolean'].includes(typeof plain(found));
    return `${key}found ${shown}, expected ${article(issue.expected)}${bare ? `; in quotes it is one: "${shown}"` : ''}`;
  }
  const expected = expectedBy(issue);
  if (expected) return `${key}found ${shown}, expected ${expected}`;
  // An address that is none may hold its password where no mask finds it.
  const told = issue.message.startsWith('found') || (issue.code === 'custom' && shown.includes('://'));
  return `${key}${issue.message}${told ? '' : ` (found ${shown})`}`;
}

/** JSON of what was found, without the secrets that may stand deeper in it or inside an address. */
const masked = (json: string): string =>
  maskUrls(json.replace(new RegExp(`"(${SECRETS.join('|')})":("(?:[^"\\\\]|\\\\.)*"|\\d+)`, 'g'), '"$1":"********"'));

/** A file that is no configuration may be one long text. */
const short = (text: string): string => (text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text);
const LONGEST_SHOWN = 80;

/** The keys that stand beside one. */
function besideOf(path: readonly PropertyKey[], file: YamlFile): string[] {
  const parent = path.length > 1 ? file.document.getIn(path.slice(0, -1), true) : file.document.contents;
  return isMap(parent) ? parent.items.map(pair => String(pair.key)).filter(name => name !== String(path.at(-1))) : [];
}

/** What a bound or a choice of kinds asks for, in words; null where the schema has words of its own for it. */
function expectedBy(issue: z.core.$ZodIssue): string | null {
  if (!/^(Too small|Too big|Invalid input)/.test(issue.message)) return null;
  switch (issue.code) {
    case 'too_small':
      if (issue.origin === 'string') return 'some text';
      if (issue.origin === 'array') return `a list of at least ${issue.minimum}`;
      return `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`;
    case 'too_big':
      if (issue.origin === 'string' || issue.origin === 'array') return `at most ${issue.maximum} of them`;
      return `${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`;
    case 'invalid_union': {
      const kinds = issue.errors.flatMap(([first]) =>
        first?.code === 'invalid_type'
          ? [article(first.expected)]
          : first?.code === 'invalid_value'
            ? first.values.map(String)
            : [(first && expectedBy(first)) ?? []].flat(),
      );
      return [...new Set(kinds)].join(' or ') || null;
    }
    default:
      return null;
  }
}

const plain = (value: unknown): unknown => (isNode(value) ? JSON.parse(JSON.stringify(value)) : value);
const article = (type: string): string =>
  type === 'object' || type === 'record'
    ? 'keys with values'
    : type === 'array' || type === 'tuple'
      ? 'a list'
      : type === 'boolean'
        ? 'true or false'
        : type === 'int'
          ? 'a whole number'
          : `a ${type}`;

/** Keys that the schema knows at a path; empty where any key may stand. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let options: readonly z.core.$ZodType[] = unwrap(schema);
  for (const step of path) {
    options = options.flatMap(option => {
      const {def} = option._zod;
      if (isObject(def)) return def.shape[String(step)] ? unwrap(def.shape[String(step)] as z.core.$ZodType) : [];
      if (def.type === 'record') return unwrap((def as z.core.$ZodRecordDef).valueType);
      if (def.type === 'array' && typeof step === 'number') return unwrap((def as z.core.$ZodArrayDef).element);
      return [];
    });
  }
  return options.flatMap(option => (isObject(option._zod.def) ? Object.keys(option._zod.def.shape) : []));
}

const isObject = (def: z.core.$ZodTypeDef): def is z.core.$ZodObjectDef => def.type === 'object';

/** A schema without its optional, default and pipe wrappers; a union as its options. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType[] {
  const {def} = schema._zod;
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'prefault':
    case 'nullable':
    case 'readonly':
      return unwrap((def as z.core.$ZodOptionalDef).innerType);
    case 'pipe':
      return unwrap((def as z.core.$ZodPipeDef).in);
    case 'union':
      return (def as z.core.$ZodUnionDef).options.flatMap(option => unwrap(option));
    default:
      return [schema];
  }
}
