// Where the reader is: a page and what of it, in the address. So a reload, a bookmark and the way back lead to the same day and period.

import {signal} from '@preact/signals';

export const PAGES = ['now', 'day', 'energy', 'devices', 'setup'] as const;
export type PageName = (typeof PAGES)[number];
/** `more` is what stands behind the page's name: `#/day/2026-11-24`. */
export type Place = {readonly page: PageName; readonly more: readonly string[]};

/** What no page has for a name is the first one. */
export function placeOf(hash: string): Place {
  const [name, ...more] = hash.replace(/^#\/?/, '').split('/').filter(Boolean);
  const page = PAGES.find(one => one === name);
  return page ? {page, more} : {page: 'now', more: []};
}

export const place = signal<Place>(placeOf(location.hash));
addEventListener('hashchange', () => {
  const before = place.value.page;
  place.value = placeOf(location.hash);
  if (place.value.page !== before) scrollTo(0, 0);
});

export const hashOf = (page: PageName, ...more: readonly string[]): string => `#/${[page, ...more].join('/')}`;

/** Another day or period of the same page: in the address, but no step of its own on the way back. */
export function turnTo(page: PageName, ...more: readonly string[]): void {
  history.replaceState(null, '', hashOf(page, ...more));
  place.value = {page, more};
}
