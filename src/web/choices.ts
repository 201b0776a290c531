// What the reader chose on this device: language and colours. Kept in the browser where it allows that.

import {signal} from '@preact/signals';

export type Theme = 'auto' | 'light' | 'dark';
const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

/** A browser that keeps nothing (a frame without storage, a private window) forgets the choice, and that is all. */
function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}
function keep(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // see above
  }
}

const dark = matchMedia('(prefers-color-scheme: dark)');
export const theme = signal<Theme>(THEMES.find(one => one === kept('theme')) ?? 'auto');
theme.subscribe(paint);
dark.addEventListener('change', () => paint(theme.value));

function paint(chosen: Theme): void {
  document.documentElement.dataset['theme'] = chosen === 'auto' ? (dark.matches ? 'dark' : 'light') : chosen;
}

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  keep('theme', chosen);
}

/** A language code, or null for that of the browser. */
export const chosenLanguage: string | null = kept('language');
/** All words were looked up when the page began, so it begins again. */
export function chooseLanguage(code: string): void {
  keep('language', code);
  location.reload();
}
