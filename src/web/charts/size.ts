// Whether the page stands on a phone: pictures are laid out closer there.

import {signal} from '@preact/signals';

const phone = matchMedia('(max-width: 560px)');
export const narrow = signal(phone.matches);
phone.addEventListener('change', () => {
  narrow.value = phone.matches;
});
