// Something wider or longer than its place: it can be scrolled, with the keyboard too.

import type {ComponentChildren} from 'preact';

export const Scroll = ({name, children}: {readonly name: string; readonly children: ComponentChildren}) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys scroll what has the focus
  <section class="wide" aria-label={name} tabIndex={0}>
    {children}
  </section>
);
