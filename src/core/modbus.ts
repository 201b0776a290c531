// Numbers of the Modbus protocol that several parts of the program know. Source: Modbus Application Protocol V1.1b3.

/** Exception codes by what they mean (section 7). */
export const EXCEPTION = {
  illegalFunction: 1,
  illegalAddress: 2,
  illegalValue: 3,
  deviceFailure: 4,
  busy: 6,
  memoryParity: 8,
  /** A gateway without a way to the unit. */
  gatewayPath: 0x0a,
  /** A gateway whose device is silent. */
  targetSilent: 0x0b,
} as const;

/** A read request asks for no more registers (sections 6.3 and 6.4). */
export const MOST_REGISTERS = 125;
