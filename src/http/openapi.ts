// The API described for programs (OpenAPI 3.1). A test holds it against the routes, both ways.

import {POLICIES} from '../core/site.ts';
import {VERSION} from '../core/version.ts';
import {MOST_POINTS, STEPS} from './parameters.ts';

type Parameter = {name: string; description: string; schema: object; required?: boolean};

const moment = (name: string, description: string): Parameter => ({
  name,
  description: `${description}: 2026-11-24T12:00:00Z, a local day 2026-11-24, or Unix seconds.`,
  schema: {type: 'string'},
});
const RANGE = [moment('from', 'Begin, included; midnight of today by default'), moment('to', 'End, excluded')];
const POLICY: Parameter = {name: 'policy', description: 'Who is served first.', schema: {type: 'string', enum: [...POLICIES]}};
const STEP: Parameter = {
  name: 'step',
  description: `Coarsened where the reply would have more than ${MOST_POINTS} steps; the reply says which it is.`,
  schema: {type: 'string', enum: [...STEPS]},
};

const problem = {$ref: '#/components/responses/problem'};
const object = (properties: Readonly<Record<string, object>> = {}): object => ({
  type: 'object',
  properties: {schema: {const: 1}, ...properties},
  required: ['schema', ...Object.keys(properties)],
});
const list = (properties: Readonly<Record<string, object>>): object => ({
  type: 'array',
  maxItems: MOST_POINTS,
  items: {type: 'object', properties, required: Object.keys(properties)},
});
const TEXT = {type: 'string'};
const TEXT_OR_NULL = {type: ['string', 'null']};
const NUMBER = {type: 'number'};
const NUMBER_OR_NULL = {type: ['number', 'null']};
const RANGE_TOLD = {from: {type: 'string', format: 'date-time'}, to: {type: 'string', format: 'date-time'}};

const json = (schema: object): object => ({description: 'The answer.', content: {'application/json': {schema}}});
const text = (type: string, description: string): object => ({description, content: {[type]: {schema: TEXT}}});
const get = (
  summary: string,
  {parameters = [], answer = json(object()), more = {}}: {parameters?: readonly Parameter[]; answer?: object; more?: object} = {},
): object => ({
  get: {
    summary,
    parameters: parameters.map(parameter => ({required: false, ...parameter, in: 'query'})),
    responses: {
      200: answer,
      304: {description: 'What `If-None-Match` names is still so.'},
      400: problem,
      401: problem,
      421: problem,
      ...more,
    },
  },
});
const post = (summary: string, body: object | null, more: object): object => ({
  post: {
    summary,
    security: [],
    requestBody: {required: body !== null, content: {'application/json': {schema: body ?? {}}}},
    responses: {204: {description: 'Done.'}, 415: problem, 421: problem, ...more},
  },
});

export const openapi = {
  openapi: '3.1.0',
  info: {
    title: 'wattledger',
    version: VERSION,
    description: 'Where every watt came from and where it went. Powers in W, positive into the house; times in UTC; unknown is null.',
  },
  security: [{token: []}, {session: []}, {}],
  paths: {
    '/api/v1/now': get('The house now: the keys of site/state, today, lifetime totals, freshness.', {
      answer: json(
        object({
          ts: TEXT_OR_NULL,
          grid_power_w: NUMBER_OR_NULL,
          solar_power_w: NUMBER_OR_NULL,
          battery_power_w: NUMBER_OR_NULL,
          home_power_w: NUMBER_OR_NULL,
          battery_soc_pct: NUMBER_OR_NULL,
          energy: {type: ['object', 'null']},
          day: {type: ['object', 'null']},
          freshness: {type: 'object'},
          ok: {type: 'boolean'},
          problems: {type: 'array', items: TEXT},
        }),
      ),
    }),
    '/api/v1/flows': get('Energy by cell and step, out of the ledger.', {
      parameters: [...RANGE, STEP, POLICY],
      answer: json(
        object({
          ...RANGE_TOLD,
          step: {enum: [...STEPS]},
          policy: {enum: [...POLICIES]},
          zone: TEXT,
          slots: list({
            start: {type: 'string', format: 'date-time'},
            day: TEXT_OR_NULL,
            cells: {
              type: 'array',
              items: {type: 'object', properties: {origin: TEXT, via: TEXT, source: TEXT, sink: TEXT, wh: NUMBER, label: TEXT}},
            },
            totals: {type: 'object', additionalProperties: NUMBER},
            quality: {type: 'array', items: TEXT},
          }),
        }),
      ),
    }),
    '/api/v1/money': get('Cost, credit and what own energy saved, by step.', {
      parameters: [
        ...RANGE,
        STEP,
        POLICY,
        {name: 'bills', description: '1: also the bills that touch the range.', schema: {type: 'string', enum: ['0', '1']}},
      ],
      answer: json(object({...RANGE_TOLD, currency: TEXT, cost: NUMBER, credit: NUMBER, saved: NUMBER})),
      more: {404: {...problem, description: 'No tariffs are configured.'}},
    }),
    '/api/v1/points': get('One measured value over time.', {
      parameters: [
        {name: 'device', description: 'Id of the device.', schema: TEXT, required: true},
        {name: 'point', description: 'Name of the point, such as meter.power_w.', schema: TEXT, required: true},
        ...RANGE,
        {name: 'points', description: 'At most so many rows.', schema: {type: 'integer', minimum: 2, maximum: MOST_POINTS, default: 500}},
      ],
      answer: json(
        object({
          ...RANGE_TOLD,
          unit: TEXT,
          resolution: {enum: ['raw', '15m', '1d']},
          rows: list({startMs: NUMBER, n: NUMBER, avg: NUMBER, min: NUMBER, max: NUMBER, last: NUMBER}),
        }),
      ),
      more: {404: {...problem, description: 'No device tells or ever told this point.'}},
    }),
    '/api/v1/devices': get('Devices with health, points, raw words and read plan; links; findings.', {
      answer: json(
        object({
          devices: list({id: TEXT, link: TEXT, state: TEXT, points: {type: 'array'}, plan: {type: 'array'}}),
          links: {type: 'array'},
          findings: {type: 'array'},
        }),
      ),
    }),
    '/api/v1/health': get('Health of devices, links, outlets and store.', {
      answer: json(object({ok: {type: 'boolean'}, problems: {type: 'array', items: TEXT}, devices: {type: 'array'}})),
    }),
    '/api/v1/events': get('What happened, newest first.', {
      parameters: [
        moment('from', 'Begin, included; the first event by default'),
        moment('to', 'End, excluded'),
        {name: 'limit', description: 'At most so many.', schema: {type: 'integer', minimum: 1, maximum: 1000, default: 100}},
      ],
      answer: json(object({events: list({id: NUMBER, at: TEXT, kind: TEXT, about: TEXT_OR_NULL, detail: TEXT})})),
    }),
    '/api/v1/setup': get('Configuration in use with its secrets masked, database, outlets, log.'),
    '/api/v1/export': get('The ledger as a download.', {
      parameters: [
        ...RANGE,
        {...STEP, description: 'Length of a row, 15m by default; never coarsened.'},
        POLICY,
        {name: 'format', description: 'csv (the default) or jsonl.', schema: {type: 'string', enum: ['csv', 'jsonl']}},
        {name: 'what', description: 'flows (the default), totals or money.', schema: {type: 'string', enum: ['flows', 'totals', 'money']}},
      ],
      answer: {description: 'Rows.', content: {'text/csv': {schema: TEXT}, 'application/jsonl': {schema: TEXT}}},
      more: {404: {...problem, description: 'No tariffs are configured.'}},
    }),
    '/api/v1/backup': get('A verified copy of the database; one is made at a time.', {
      answer: text('application/vnd.sqlite3', 'The database.'),
      more: {503: problem},
    }),
    '/api/v1/stream': get('The house again and again, as server-sent events `now`; each is the whole picture of `/api/v1/now`.', {
      answer: text('text/event-stream', 'Events.'),
      more: {503: {...problem, description: 'Too many listen already.'}},
    }),
    '/healthz': get('200 while readings are fresh and can be stored, else 503 with the reason. Never asks for a password.', {
      answer: json({
        type: 'object',
        properties: {ok: {type: 'boolean'}, problems: {type: 'array', items: TEXT}},
        required: ['ok', 'problems'],
      }),
      more: {503: {description: 'Not healthy.', content: {'application/json': {schema: {type: 'object'}}}}},
    }),
    '/metrics': get('Prometheus metrics.', {answer: text('text/plain', 'Metrics.')}),
    '/openapi.json': get('This description.', {answer: json({type: 'object'})}),
    '/login': post(
      'A session for the right password, as a cookie.',
      {type: 'object', properties: {password: TEXT}, required: ['password']},
      {400: problem, 401: problem, 413: problem, 429: problem, 503: problem},
    ),
    '/logout': post('Ends the session.', null, {}),
  },
  components: {
    responses: {
      problem: {
        description: 'What is wrong.',
        content: {'application/json': {schema: {type: 'object', properties: {error: {type: 'string'}}, required: ['error']}}},
      },
    },
    securitySchemes: {token: {type: 'http', scheme: 'bearer'}, session: {type: 'apiKey', in: 'cookie', name: 'wattledger_session'}},
  },
} as const;
