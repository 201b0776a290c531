// What a point of a SunSpec model is on the wire: type, width, scale factor, "not implemented".

import type {Model, ModelPoint} from '../config/sunspec.ts';
import {NOT_IMPLEMENTED, REGISTERS} from '../core/codec.ts';
import type {Field, RegisterType} from '../core/profile.ts';

export type FoundModel = {readonly id: number; readonly at: number; readonly length: number};
/** The repeated blocks of a model: strings of 160, ports of 714. */
export type Modules = {
  readonly found: FoundModel;
  readonly count: number;
  readonly labels: readonly (string | null)[];
  /** Port types of model 714; NO_KIND where there is none. */
  readonly kinds: readonly number[];
};
export type Found = {
  readonly models: readonly FoundModel[];
  readonly table: ReadonlyMap<number, Model>;
  readonly modules: readonly Modules[];
  readonly manufacturer: string;
  /** Model 701 says that the device has one phase: then its total current is that of L1. */
  readonly onePhase: boolean;
};

/** An enumeration that says nothing. */
export const NO_KIND = 0xffff;
/** Registers of a point of a model. */
export const wordsOf = ({type}: ModelPoint): number => (type === 'text8' ? 8 : type === 'text16' ? 16 : REGISTERS[type]);

/** Whether a point and its scale factor are inside the length that the device gives its model. Behind it another model begins. */
export const reaches = ({length}: FoundModel, point: ModelPoint): boolean =>
  point.offset + wordsOf(point) <= length + 2 && (point.exponent ?? 0) < length + 2;

/** A point as a field; `from` is where its module starts, for those of a repeated block. */
export function fieldOf(found: FoundModel, point: ModelPoint, from = found.at): Field {
  const type: RegisterType = point.type === 'text8' || point.type === 'text16' ? 'text' : point.type;
  const notImplemented = NOT_IMPLEMENTED[type];
  return {
    fc: 3,
    at: from + point.offset,
    type,
    words: wordsOf(point),
    wordOrder: 'high-first',
    swapBytes: false,
    wordsAt: null,
    bits: null,
    scale: point.exponent === null ? {kind: 'factor', by: 1} : {kind: 'exponentAt', at: found.at + point.exponent},
    offset: 0,
    invert: false,
    absent: notImplemented === undefined ? [] : [notImplemented],
  };
}
