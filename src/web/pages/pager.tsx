// Back and on in time.

import {t} from '../text.ts';

type Props = {readonly title: string; readonly onBack: (() => void) | null; readonly onOn: (() => void) | null};

export const Pager = ({title, onBack, onOn}: Props) => (
  <div class="pager">
    <button type="button" onClick={() => onBack?.()} disabled={!onBack} aria-label={t('previous')}>
      ‹
    </button>
    <h2 aria-live="polite">{title}</h2>
    <button type="button" onClick={() => onOn?.()} disabled={!onOn} aria-label={t('next')}>
      ›
    </button>
  </div>
);
