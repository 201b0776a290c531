// What waits in memory for the next commit: small, bounded, and the newest word where a thing was said twice.

import type {SiteEnergy, SlotRecord} from '../core/flow/model.ts';
import type {TickRecord} from '../core/sink.ts';
import {parsePoint} from '../core/vocabulary.ts';

export type StoredEvent = {
  readonly atMs: number;
  readonly kind: string;
  readonly about: string | null;
  readonly detail: string;
  readonly evidence: Readonly<Record<string, number | string>> | null;
};
/** Rows of one device: `values` by position in `points`; undefined where that poll did not read the point. */
export type RawRows = {
  readonly device: string;
  readonly points: readonly string[];
  readonly rows: ReadonlyMap<number, readonly (number | undefined)[]>;
};
export type TextChange = {readonly device: string; readonly point: string; readonly ts: number; readonly value: string | null};
/** `offsetMs` = wall - monotonic clock when the slot was told. */
export type ToldSlot = {readonly record: SlotRecord; readonly offsetMs: number; readonly atMs: number};

/** One commit, as it travels to the writer's thread. */
export type BatchData = {
  readonly raw: readonly RawRows[];
  readonly texts: readonly TextChange[];
  readonly slots: readonly ToldSlot[];
  readonly events: readonly StoredEvent[];
  readonly flowState: string | null;
  readonly energy: SiteEnergy | null;
  readonly outboxDone: readonly number[];
  readonly wallMs: number | null;
};

const MAX_EVENTS = 1000;
const MAX_TEXTS = 10_000;
/** Half a year of quarter hours: slots are the ledger itself and are the last thing to be dropped. */
const MAX_SLOTS = 20_000;

type Device = {points: string[]; index: Map<string, number>; rows: Map<number, (number | undefined)[]>};

export type Batch = {
  add(record: TickRecord): void;
  addEvent(event: StoredEvent): void;
  outboxDone(ids: readonly number[]): void;
  /** Everything so far, to be committed together; the batch goes on empty. Null where nothing waits. */
  take(): BatchData | null;
  /** Back to the front after a failed commit; what was said since wins. */
  putBack(data: BatchData): void;
  readonly queued: number;
  readonly dropped: number;
};

/** Holds at most `maxRows` raw rows over all devices; the oldest go first and are counted. */
export function createBatch(maxRows: number): Batch {
  let devices = new Map<string, Device>();
  let texts: TextChange[] = [];
  let slots = new Map<string, ToldSlot>();
  let events: StoredEvent[] = [];
  let flowState: string | null = null;
  let energy: SiteEnergy | null = null;
  let done: number[] = [];
  let wallMs: number | null = null;
  let rowCount = 0;
  let dropped = 0;
  /** Texts are stored when they change; this outlives the batches. */
  const lastText = new Map<string, string | null>();

  function deviceOf(id: string): Device {
    let device = devices.get(id);
    if (!device) {
      device = {points: [], index: new Map(), rows: new Map()};
      devices.set(id, device);
    }
    return device;
  }
  function put(device: Device, ts: number, point: string, value: number): void {
    let index = device.index.get(point);
    if (index === undefined) {
      index = device.points.push(point) - 1;
      device.index.set(point, index);
    }
    let row = device.rows.get(ts);
    if (!row) {
      row = [];
      device.rows.set(ts, row);
      rowCount++;
    }
    row[index] = value;
  }
  function trim(): void {
    while (rowCount > maxRows) {
      let oldest: Device | null = null;
      let oldestTs = Number.POSITIVE_INFINITY;
      for (const device of devices.values()) {
        const [ts] = device.rows.keys();
        if (ts !== undefined && ts < oldestTs) [oldest, oldestTs] = [device, ts];
      }
      if (!oldest) return;
      oldest.rows.delete(oldestTs);
      rowCount--;
      dropped++;
    }
    for (const [list, limit] of [[events, MAX_EVENTS] as const, [texts, MAX_TEXTS] as const]) {
      if (list.length > limit) dropped += list.splice(0, list.length - limit).length;
    }
    for (const key of slots.keys()) {
      if (slots.size <= MAX_SLOTS) break;
      slots.delete(key);
      dropped++;
    }
  }

  return {
    add(record) {
      const {tick} = record;
      const ts = Math.floor(tick.wallMs / 1000);
      wallMs = tick.wallMs;
      for (const {device, point, measured} of record.readings) {
        const info = parsePoint(point);
        if (!info) continue;
        if (info.quantity === 'state' || (measured.kind === 'good' && typeof measured.value === 'string')) {
          const value = measured.kind === 'missing' ? null : String(measured.value);
          const key = `${device}/${point}`;
          if (lastText.get(key) === value) continue;
          lastText.set(key, value);
          texts.push({device, point, ts, value});
        } else if (measured.kind === 'good' && typeof measured.value === 'number' && Number.isFinite(measured.value)) {
          // A held value was not measured now; its own row has it.
          put(deviceOf(device), ts, point, measured.value);
        }
      }
      for (const slot of record.slots) putSlot(slots, {record: slot, offsetMs: tick.wallMs - tick.monoMs, atMs: tick.wallMs});
      for (const event of record.events) {
        const {kind, about, detail, monoMs, evidence} = event;
        events.push({atMs: Math.round(tick.wallMs + monoMs - tick.monoMs), kind, about, detail, evidence: evidence ?? null});
      }
      if (record.flowState !== null) flowState = record.flowState;
      if (record.energy !== null) energy = record.energy;
      trim();
    },
    addEvent(event) {
      events.push(event);
      trim();
    },
    outboxDone: ids => void done.push(...ids),
    take() {
      if (rowCount + texts.length + slots.size + events.length + done.length === 0 && flowState === null) return null;
      const data: BatchData = {
        raw: [...devices].filter(([, {rows}]) => rows.size > 0).map(([device, {points, rows}]) => ({device, points, rows})),
        texts,
        slots: [...slots.values()],
        events,
        flowState,
        energy,
        outboxDone: done,
        wallMs,
      };
      [devices, texts, slots, events, flowState, energy, done, rowCount] = [new Map(), [], new Map(), [], null, null, [], 0];
      return data;
    },
    putBack(data) {
      const [newer, newerTexts, newerSlots, newerEvents] = [devices, texts, slots, events];
      devices = new Map();
      rowCount = 0;
      for (const {device: id, points, rows} of [...data.raw, ...[...newer].map(([device, {points, rows}]) => ({device, points, rows}))]) {
        const device = deviceOf(id);
        for (const [ts, row] of rows) {
          row.forEach((value, index) => {
            if (value !== undefined) put(device, ts, points[index] as string, value);
          });
        }
      }
      texts = [...data.texts, ...newerTexts];
      slots = new Map(data.slots.map(slot => [keyOfSlot(slot.record), slot]));
      for (const slot of newerSlots.values()) putSlot(slots, slot);
      events = [...data.events, ...newerEvents];
      done = [...data.outboxDone, ...done];
      flowState ??= data.flowState;
      energy ??= data.energy;
      wallMs ??= data.wallMs;
      trim();
    },
    get queued() {
      return rowCount + texts.length + slots.size + events.length;
    },
    get dropped() {
      return dropped;
    },
  };
}

/** The newest word on a slot; policies it does not name keep their cells. */
function putSlot(slots: Map<string, ToldSlot>, told: ToldSlot): void {
  const key = keyOfSlot(told.record);
  const before = slots.get(key);
  slots.set(key, before ? {...told, record: {...told.record, cells: {...before.record.cells, ...told.record.cells}}} : told);
}

const keyOfSlot = ({slot}: SlotRecord): string => (slot.kind === 'utc' ? `${slot.startMs}` : `${slot.bootId}/${slot.startMonoMs}`);
