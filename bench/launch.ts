// How the package's launcher starts node: what is measured is what runs in a house.

export const NODE_FLAGS = ['--max-semi-space-size=2', '--optimize-for-size', '--no-opt', '--no-sparkplug'];
/** `npm start`, whose first flow somebody waits for, begins a tenth of a second sooner with less of them. */
export const START_FLAGS = ['--max-semi-space-size=2'];
export const LAUNCH_ENV = {MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072'};
/** Environment of a measured process. */
export const launchEnv = (): NodeJS.ProcessEnv => ({...process.env, ...LAUNCH_ENV});
