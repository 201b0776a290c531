// The API described for programs (OpenAPI 3.1). A test holds it against the routes, both ways.

import {VERSION} from '../core/version.ts';
import {POLICIES, STEPS} from './parameters.ts';

type Parameter = {name: string; description: string; schema: object};

const moment = (name: string, description: string): Parameter => ({
  name,
  description: `${description}: 2026-11-24T12:00:00Z, a local day 2026-11-24, or Unix seconds.`,
  schema: {type: 'string'},
});
const RANGE = [moment('from', 'Begin, included; midnight of today by default'), moment('to', 'End, excluded')];
const POLICY: Parameter = {name: 'policy', description: 'Who is served first.', schema: {type: 'string', enum: [...POLICIES]}};
const STEP: Parameter = {
  name: 'step',
  description: 'Coarsened where the reply would have more than 1500 steps; the reply says which it is.',
  schema: {type: 'string', enum: [...STEPS]},
};

const json = (description: string): object => ({description, content: {'application/json': {schema: {type: 'object'}}}});
const get = (summary: string, parameters: readonly Parameter[] = [], answer: object = json('The answer.')): object => ({
  get: {
    summary,
    parameters: parameters.map(parameter => ({...parameter, in: 'query', required: false})),
    responses: {
      200: answer,
      ...(parameters.length > 0 ? {400: {$ref: '#/components/responses/problem'}} : {}),
      401: {$ref: '#/components/responses/problem'},
    },
  },
});
const text = (type: string, description: string): object => ({description, content: {[type]: {schema: {type: 'string'}}}});

export const openapi = {
  openapi: '3.1.0',
  info: {
    title: 'wattledger',
    version: VERSION,
    description: 'Where every watt came from and where it went. Powers in W, positive into the house; times in UTC; unknown is null.',
  },
  paths: {
    '/api/v1/now': get('The house now: the keys of site/state, today, lifetime totals, freshness.'),
    '/api/v1/flows': get('Energy by cell and step, out of the ledger.', [...RANGE, STEP, POLICY]),
    '/api/v1/money': get('Cost, credit and what own energy saved, by step; 404 without tariffs.', [
      ...RANGE,
      STEP,
      POLICY,
      {name: 'bills', description: '1: also the bills that touch the range.', schema: {type: 'string', enum: ['0', '1']}},
    ]),
    '/api/v1/points': get('One measured value over time.', [
      {name: 'device', description: 'Id of the device.', schema: {type: 'string'}},
      {name: 'point', description: 'Name of the point, such as meter.power_w.', schema: {type: 'string'}},
      ...RANGE,
      {name: 'points', description: 'At most so many rows.', schema: {type: 'integer', minimum: 2, maximum: 1500}},
    ]),
    '/api/v1/devices': get('Devices with health, points, raw words and read plan.'),
    '/api/v1/health': get('Health of devices, links, outlets and store.'),
    '/api/v1/events': get('What happened, newest first.', [
      ...RANGE,
      {name: 'limit', description: 'At most so many.', schema: {type: 'integer', minimum: 1, maximum: 1000}},
    ]),
    '/api/v1/setup': get('Configuration in use with its secrets masked, database, outlets, log.'),
    '/api/v1/export': get(
      'The ledger as a download.',
      [
        ...RANGE,
        STEP,
        POLICY,
        {name: 'format', description: 'csv or jsonl.', schema: {type: 'string', enum: ['csv', 'jsonl']}},
        {name: 'what', description: 'flows, totals or money.', schema: {type: 'string', enum: ['flows', 'totals', 'money']}},
      ],
      text('text/csv', 'Rows.'),
    ),
    '/api/v1/backup': get('A verified copy of the database.', [], text('application/vnd.sqlite3', 'The database.')),
    '/api/v1/stream': get('The house again and again, as server-sent events `now`.', [], text('text/event-stream', 'Events.')),
    '/healthz': get('200 while readings are fresh and can be stored, else 503 with the reason.'),
    '/metrics': get('Prometheus metrics.', [], text('text/plain', 'Metrics.')),
    '/openapi.json': get('This description.'),
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
