// Types of the two checksums that come with modbus-serial.

declare module 'modbus-serial/utils/crc16.js' {
  /** CRC-16 of Modbus over Serial Line, 0xA001; sent low byte first. */
  export default function crc16(bytes: Uint8Array): number;
}
declare module 'modbus-serial/utils/lrc.js' {
  /** Longitudinal redundancy check of Modbus ASCII. */
  export default function lrc(bytes: Uint8Array): number;
}
