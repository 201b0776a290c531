// Back and on in time, and to any day.

import {isDay} from '../periods.ts';
import {t} from '../text.ts';

type DateChoice = {readonly value: string; readonly most: string; readonly onChange: (day: string) => void};
type Props = {
  readonly title: string;
  readonly onBack: (() => void) | null;
  readonly onOn: (() => void) | null;
  /** Where the title is a day: another one can be chosen. */
  readonly date?: DateChoice | null;
};
/** Nothing was measured before; a year half typed is no wish. */
const EARLIEST = '2000-01-01';

export const Pager = ({title, onBack, onOn, date}: Props) => (
  <div class="pager">
    <button type="button" onClick={() => onBack?.()} disabled={!onBack} aria-label={t('previous')}>
      ‹
    </button>
    <div class="when">
      <h2 aria-live="polite">{title}</h2>
      {date && <DateField {...date} />}
    </div>
    <button type="button" onClick={() => onOn?.()} disabled={!onOn} aria-label={t('next')}>
      ›
    </button>
  </div>
);

/** Lies unseen over the title, whose touch opens the browser's own calendar. */
function DateField({value, most, onChange}: DateChoice) {
  return (
    <input
      type="date"
      aria-label={t('chooseDay')}
      title={t('chooseDay')}
      value={value}
      min={EARLIEST}
      max={most}
      onClick={({currentTarget}) => {
        try {
          currentTarget.showPicker();
        } catch {
          // A browser that cannot, or does not let a frame: the day can be typed.
        }
      }}
      onChange={({currentTarget: {value: day}}) => isDay(day) && day >= EARLIEST && day <= most && onChange(day)}
    />
  );
}
