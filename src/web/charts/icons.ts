// A line drawing for each kind of ring, in a square of 24.

const SUN = 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2';
const ICONS: Readonly<Record<string, string>> = {
  solar: SUN,
  wind: 'M12 11V21M9 21h6M12 9a2 2 0 1 0 0 .1M12 7V2M13.7 10l4.5 2.6M10.3 10l-4.5 2.6',
  generator: 'M13 3 6 14h5l-1 7 8-12h-6z',
  grid: 'M12 3 7 21M12 3l5 18M8.9 14h6.2M10 9.5h4M5 9.5h14M5 9.5v2M19 9.5v2M8 17.5l7-3.5M16 17.5 9 14',
  home: 'M3.5 11.5 12 4l8.5 7.5M6 10v10h12V10M10 20v-5h4v5',
  standby: 'M12 4v7M7.5 6.7a7 7 0 1 0 9 0',
  loss: 'M7 20c-3-4 3-5 0-9s2-5 1-7M13 20c-3-4 3-5 0-9s2-5 1-7M19 20c-3-4 3-5 0-9s2-5 1-7',
  unexplained: 'M8.5 9a3.5 3.5 0 1 1 5 3.2c-1.1.6-1.5 1.2-1.5 2.6M12 18.5v.1',
  battery: 'M4 8h14v9H4zM18 11h2.5v3H18M8 11v3M11.5 11v3',
  heat: 'M12 3v10.5M12 13a3.5 3.5 0 1 0 .1 0M9.5 13.5V5a2.5 2.5 0 0 1 5 0v8.5M17 6h3M17 9h2',
  car: 'M4 16v-3.5l2-5.5h12l2 5.5V16zM4 12h16M7 16v2M17 16v2M7.5 14h.1M16.5 14h.1',
  load: 'M9 3v5M15 3v5M6.5 8h11v3a5.5 5.5 0 0 1-11 0zM12 16.5V21',
};

/** By what an id says; a plug for whatever it does not. */
export function iconOf(id: string, kind: string): string {
  if (kind === 'battery') return ICONS['battery'] as string;
  const known = ICONS[id];
  if (known) return known;
  if (/heat|heiz|warm|boiler|water|wp$/.test(id)) return ICONS['heat'] as string;
  return (/car|auto|wallbox|ev_|_ev$|^ev$|charger/.test(id) ? ICONS['car'] : ICONS['load']) as string;
}
