// What waits in memory for the next commit: small, bounded, and the newest word where a thing was said twice.

import {merged} from '../core/flow/merge.ts';
import type {SiteEnergy, SlotRecord} from '../core/flow/model.ts';
import type {EventKind, Said} from '../core/sentences/say.ts';
import type {TickRecord} from '../core/sink.ts';
import {parsePoint} from '../core/vocabulary.ts';

export type StoredEvent = {
  readonly atMs: number;
  readonly kind: EventKind;
  readonly about: string | null;
  readonly detail: Said;
  readonly evidence: Readonly<Record<string, number | string>> | null;
};
/** Rows of one device: `values` by position in `points`; undefined where that poll did not read the point. */
export type RawRows = {
  readonly device: string;
  readonly points: readonly string[];
  readonly rows: ReadonlyMap<number, readonly (number | undefined)[]>;
};
export type TextChange = {readonly device: string; readonly point: string; readonly ts: number; readonly value: string | null};
type ToldSlot = {readonly record: SlotRecord; readonly atMs: number};

/** One commit, as it travels to the writer's thread. */
export type BatchData = {
  readonly raw: readonly RawRows[];
  readonly texts: readonly TextChange[];
  readonly slots: readonly ToldSlot[];
  readonly events: readonly StoredEvent[];
  readonly flowState: string | null;
  readonly energy: SiteEnergy | null;
  readonly outboxDone: readonly number[];
  /** The flow state knows of every correction up to this one. */
  readonly countedSeq: number | null;
  readonly wallMs: number | null;
};

const MAX_EVENTS = 1000;
const MAX_TEXTS = 10_000;
/** Half a year of quarter hours: slots are the ledger itself and are the last thing to be dropped. */
const MAX_SLOTS = 20_000;

type Batch = {
  add(record: TickRecord): void;
  addEvent(event: StoredEvent): void;
  outboxDone(ids: readonly number[]): void;
  /** Corrections up to this one were given to the flow: its next state knows of them. */
  counted(seq: number): void;
  /** Everything so far that has its time, to be committed together; the batch goes on empty. Null where nothing waits. */
  take(): BatchData | null;
  /** Back to the front after a failed commit; what was said since wins. */
  putBack(data: BatchData): void;
  /** The last word: nobody will say any more what time it was. Events keep theirs, rows are dropped; returns how many. */
  giveUpUndated(): number;
  readonly queued: number;
  readonly dropped: number;
};

/** Holds at most `maxRows` raw rows over all devices; the oldest go first and are counted. */
export function createBatch(maxRows: number): Batch {
  let rows = createRows();
  let texts: TextChange[] = [];
  let slots = new Map<string, ToldSlot>();
  let events: StoredEvent[] = [];
  let flowState: string | null = null;
  let energy: SiteEnergy | null = null;
  let done: number[] = [];
  let givenSeq: number | null = null;
  let countedSeq: number | null = null;
  let wallMs: number | null = null;
  let dropped = 0;
  /** What came before the clock was believed, under the time it told; moved along when it is set. */
  let early: {rows: Rows; texts: TextChange[]; events: StoredEvent[]; offsetMs: number | null} | null = {...noneEarly(), offsetMs: null};
  /** Texts are stored when they change; this outlives the batches. */
  const lastText = new Map<string, string | null>();

  function trim(): void {
    while (rows.count + (early?.rows.count ?? 0) > maxRows && (early?.rows.dropOldest() || rows.dropOldest())) dropped++;
    const lists: [unknown[], number][] = [
      [events, MAX_EVENTS],
      [texts, MAX_TEXTS],
      [early?.events ?? [], MAX_EVENTS],
      [early?.texts ?? [], MAX_TEXTS],
    ];
    for (const [list, limit] of lists) if (list.length > limit) dropped += list.splice(0, list.length - limit).length;
    for (const key of slots.keys()) {
      if (slots.size <= MAX_SLOTS) break;
      slots.delete(key);
      dropped++;
    }
  }

  /** Moves what waits for its time along with the clock, and lets it go once the clock is believed. */
  function followClock(offsetMs: number, trusted: boolean): void {
    if (early) {
      const shiftMs = early.offsetMs === null ? 0 : offsetMs - early.offsetMs;
      if (Math.abs(shiftMs) >= 1000) {
        const shiftS = Math.round(shiftMs / 1000);
        early = {
          rows: shifted(early.rows, shiftS),
          texts: early.texts.map(text => ({...text, ts: text.ts + shiftS})),
          events: early.events.map(event => ({...event, atMs: event.atMs + shiftMs})),
          offsetMs,
        };
      }
      early.offsetMs ??= offsetMs;
    }
    if (trusted && early) {
      for (const device of early.rows.all()) rows.putAll(device);
      texts.push(...early.texts);
      events.push(...early.events);
      early = null;
    } else if (!trusted) {
      early ??= {...noneEarly(), offsetMs};
    }
  }

  return {
    add(record) {
      const {tick} = record;
      // Under the second of the due moment: polls a second apart then never share one, however long each took.
      const ts = Math.floor((tick.wallMs - Math.min(tick.lateMs ?? 0, 999)) / 1000);
      wallMs = tick.wallMs;
      followClock(tick.wallMs - tick.monoMs, record.clockTrusted ?? true);
      const into = early ?? {rows, texts, events};
      for (const {device, point, measured} of record.readings) {
        const info = parsePoint(point);
        if (!info) continue;
        if (info.quantity === 'state' || (measured.kind === 'good' && typeof measured.value === 'string')) {
          const value = measured.kind === 'missing' ? null : String(measured.value);
          const key = `${device}/${point}`;
          if (lastText.get(key) === value) continue;
          lastText.set(key, value);
          into.texts.push({device, point, ts, value});
        } else if (measured.kind === 'good' && typeof measured.value === 'number' && Number.isFinite(measured.value)) {
          // A held value was not measured now; its own row has it.
          into.rows.put(device, ts, point, measured.value);
        }
      }
      for (const slot of record.slots) putSlot(slots, {record: slot, atMs: tick.wallMs});
      for (const event of record.events) {
        const {kind, about, detail, monoMs, evidence} = event;
        into.events.push({atMs: Math.round(tick.wallMs + monoMs - tick.monoMs), kind, about, detail, evidence: evidence ?? null});
      }
      if (record.flowState !== null) {
        flowState = record.flowState;
        countedSeq = givenSeq;
      }
      if (record.energy !== null) energy = record.energy;
      trim();
    },
    addEvent(event) {
      (early?.events ?? events).push(event);
      trim();
    },
    outboxDone: ids => void done.push(...ids),
    counted(seq) {
      givenSeq = seq;
    },
    take() {
      if (rows.count + texts.length + slots.size + events.length + done.length === 0 && flowState === null) return null;
      const data: BatchData = {
        raw: rows.all(),
        texts,
        slots: [...slots.values()],
        events,
        flowState,
        energy,
        outboxDone: done,
        countedSeq,
        wallMs,
      };
      [rows, texts, slots, events, flowState, energy, done, countedSeq] = [createRows(), [], new Map(), [], null, null, [], null];
      return data;
    },
    putBack(data) {
      const [newer, newerSlots] = [rows, slots];
      rows = createRows();
      for (const device of [...data.raw, ...newer.all()]) rows.putAll(device);
      texts = [...data.texts, ...texts];
      slots = new Map(data.slots.map(slot => [keyOfSlot(slot.record), slot]));
      for (const slot of newerSlots.values()) putSlot(slots, slot);
      events = [...data.events, ...events];
      done = [...data.outboxDone, ...done];
      flowState ??= data.flowState;
      countedSeq ??= data.countedSeq;
      energy ??= data.energy;
      wallMs ??= data.wallMs;
      trim();
    },
    giveUpUndated() {
      if (!early) return 0;
      const lost = early.rows.count;
      events.push(...early.events);
      early = null;
      dropped += lost;
      return lost;
    },
    get queued() {
      return rows.count + texts.length + slots.size + events.length;
    },
    get dropped() {
      return dropped;
    },
  };
}

type Rows = {
  put(device: string, ts: number, point: string, value: number): void;
  putAll(device: RawRows): void;
  /** False where there is none. */
  dropOldest(): boolean;
  all(): RawRows[];
  readonly count: number;
};

function createRows(): Rows {
  type Device = {points: string[]; index: Map<string, number>; rows: Map<number, (number | undefined)[]>};
  const devices = new Map<string, Device>();
  let count = 0;

  function put(id: string, ts: number, point: string, value: number): void {
    let device = devices.get(id);
    if (!device) {
      device = {points: [], index: new Map(), rows: new Map()};
      devices.set(id, device);
    }
    let index = device.index.get(point);
    if (index === undefined) {
      index = device.points.push(point) - 1;
      device.index.set(point, index);
    }
    let row = device.rows.get(ts);
    if (!row) {
      row = [];
      device.rows.set(ts, row);
      count++;
    }
    row[index] = value;
  }

  return {
    put,
    putAll({device, points, rows}) {
      for (const [ts, row] of rows) {
        row.forEach((value, index) => {
          if (value !== undefined) put(device, ts, points[index] as string, value);
        });
      }
    },
    dropOldest() {
      let oldest: Device | null = null;
      let oldestTs = Number.POSITIVE_INFINITY;
      for (const device of devices.values()) {
        const [ts] = device.rows.keys();
        if (ts !== undefined && ts < oldestTs) [oldest, oldestTs] = [device, ts];
      }
      if (!oldest) return false;
      oldest.rows.delete(oldestTs);
      count--;
      return true;
    },
    all: () => [...devices].filter(([, {rows}]) => rows.size > 0).map(([device, {points, rows}]) => ({device, points, rows})),
    get count() {
      return count;
    },
  };
}

const noneEarly = (): {rows: Rows; texts: TextChange[]; events: StoredEvent[]} => ({rows: createRows(), texts: [], events: []});

function shifted(rows: Rows, shiftS: number): Rows {
  const moved = createRows();
  for (const device of rows.all()) moved.putAll({...device, rows: new Map([...device.rows].map(([ts, row]) => [ts + shiftS, row]))});
  return moved;
}

/** The newest word on a slot; policies it does not name keep their cells. */
function putSlot(slots: Map<string, ToldSlot>, told: ToldSlot): void {
  const key = keyOfSlot(told.record);
  const before = slots.get(key)?.record;
  slots.set(key, before ? {...told, record: afterwards(before, told.record)} : told);
  for (const slot of told.record.takes ?? []) slots.delete(keyOfSlot({slot}));
}

/** What two records of a slot say together, one told after the other. */
function afterwards(before: SlotRecord, record: SlotRecord): SlotRecord {
  const takes = [...(before.takes ?? []), ...(record.takes ?? [])];
  if (record.adds) return {...merged(before, [record]), closed: record.closed, takes};
  return {...record, cells: {...before.cells, ...record.cells}, takes};
}

const keyOfSlot = ({slot}: Pick<SlotRecord, 'slot'>): string =>
  slot.kind === 'utc' ? `${slot.startMs}` : `${slot.bootId}/${slot.startMonoMs}`;
