// What a period cost and earned, what used it, and the bills it belongs to; nothing at all without tariffs.

import {ask, now, Refused} from '../data.ts';
import {shiftDay} from '../periods.ts';
import {Scroll} from '../scroll.tsx';
import {currency, dateOf, fixed, kwh, nameOf, t} from '../text.ts';
import {Figures} from './figures.tsx';
import {useAnswer} from './load.ts';

type Origins = Readonly<Record<string, number>>;
type Stock = {readonly wh: number; readonly paid: number; readonly foregone: number; readonly origin_wh: Origins};
type Sink = Stock & {readonly unpriced_wh: number};
type Bill = {
  readonly month: string;
  readonly from_day: string;
  readonly to_day: string;
  readonly complete: boolean;
  readonly lines: readonly {readonly kind: string; readonly name: string; readonly wh: number | null; readonly amount: number}[];
  readonly due: number;
  readonly without_battery: number;
  readonly without_own: number;
};
type Money = {
  readonly currency: string;
  readonly cost: number;
  readonly credit: number;
  readonly saved: number;
  readonly without_own: number;
  readonly own_earned: number;
  readonly battery_earned: number;
  readonly co2_g: number;
  readonly co2_saved_g: number;
  readonly unpriced: {readonly quarter_hours: number};
  readonly unpaid: {readonly not_eligible_wh: number; readonly negative_price_wh: number};
  readonly sinks: Readonly<Record<string, Sink>>;
  readonly batteries: Readonly<Record<string, Stock>>;
  readonly bills: readonly Bill[];
};
type MoneyPeriod = {
  readonly from: string;
  readonly to: string;
  readonly step: string;
  readonly policy: string;
  readonly bills: boolean;
};

/** Less is 0.00 kWh. */
const SEEN_WH = 5;

export function MoneyCard({from, to, step, policy, bills}: MoneyPeriod) {
  const {data} = useAnswer(
    `money ${from} ${to} ${policy}`,
    () =>
      ask<Money>('money', {from, to, step, policy, bills: bills ? '1' : '0'}).catch(error => {
        if (error instanceof Refused && error.status === 404) return null;
        throw error;
      }),
    60_000,
  );
  if (!data) return null;
  const batteries = now.value?.roles.batteries ?? [];
  const amount = (value: number): string => currency(value, data.currency);
  const figures: [string, string][] = [
    [t('cost'), amount(data.cost)],
    [t('credit'), amount(data.credit)],
    [t('saved'), amount(data.saved)],
    [t('ownEarned'), amount(data.own_earned)],
    ...(batteries.length > 0 ? ([[t('batteryEarned'), amount(data.battery_earned)]] as [string, string][]) : []),
    ...(data.co2_g + data.co2_saved_g > 0 ? ([[t('co2Saved'), kg(data.co2_saved_g)]] as [string, string][]) : []),
  ];
  const users = Object.entries(data.sinks).filter(([name, {wh}]) => !batteries.includes(name) && wh >= SEEN_WH);
  return (
    <section class="card">
      <h3>{t('money')}</h3>
      <Figures list={figures} small />
      {data.unpriced.quarter_hours > 0 && <p class="warning">{t('unpriced', {n: data.unpriced.quarter_hours})}</p>}
      {users.length > 0 && (
        <Scroll name={t('money')}>
          <table class="numbers">
            <thead>
              <tr>
                <th scope="col">{t('sink')}</th>
                <th scope="col">kWh</th>
                <th scope="col">{t('paid')}</th>
                <th scope="col">{t('foregone')}</th>
              </tr>
            </thead>
            {users.map(([name, one]) => (
              <tbody key={name}>
                <tr class="upper">
                  <th scope="row">{nameOf(name)}</th>
                  <td>{fixed(one.wh / 1000, 2)}</td>
                  <td>{amount(one.paid)}</td>
                  <td>{amount(one.foregone)}</td>
                </tr>
                <tr>
                  <td colSpan={4} class="quiet mix">
                    {mixOf(one)}
                  </td>
                </tr>
              </tbody>
            ))}
          </table>
        </Scroll>
      )}
      {data.unpaid.not_eligible_wh > 0 && <p class="quiet">{t('notEligible', {kwh: kwh(data.unpaid.not_eligible_wh / 1000)})}</p>}
      {data.unpaid.negative_price_wh > 0 && <p class="quiet">{t('negativePrice', {kwh: kwh(data.unpaid.negative_price_wh / 1000)})}</p>}
      {Object.entries(data.batteries)
        .filter(([, {wh}]) => wh >= SEEN_WH)
        .map(([name, one]) => (
          <p class="quiet" key={name}>
            {t('holds', {
              name: nameOf(name),
              kwh: kwh(one.wh / 1000),
              mix: mixOf(one),
              paid: amount(one.paid),
              foregone: amount(one.foregone),
            })}
          </p>
        ))}
      {data.bills.map(bill => (
        <BillTable key={bill.month} bill={bill} battery={batteries.length > 0} amount={amount} />
      ))}
    </section>
  );
}

const kg = (grams: number): string => `${fixed(grams / 1000, 1)}\u00a0kg`;

/** `Solar 62 %, Grid 38 %`, the most first. */
const mixOf = ({wh, origin_wh: origins}: Stock): string =>
  Object.entries(origins)
    .filter(([, energy]) => Math.round((100 * energy) / wh) > 0)
    .sort((a, b) => b[1] - a[1])
    .map(([origin, energy]) => `${nameOf(origin)} ${Math.round((100 * energy) / wh)} %`)
    .join(', ');

type BillProps = {readonly bill: Bill; readonly battery: boolean; readonly amount: (value: number) => string};
function BillTable({bill, battery, amount}: BillProps) {
  const others: [string, number][] = [
    ...(battery ? ([[t('billWithoutBattery'), bill.without_battery]] as [string, number][]) : []),
    [t('billWithoutOwn'), bill.without_own],
  ];
  return (
    <details>
      <summary>
        {t(bill.complete ? 'billOf' : 'billSoFar', {from: dateOf(bill.from_day), to: dateOf(shiftDay(bill.to_day, -1))})}{' '}
        <b>{amount(bill.due)}</b>
      </summary>
      <table class="numbers">
        <thead>
          <tr>
            <th scope="col">{t('line')}</th>
            <th scope="col">kWh</th>
            <th scope="col">{t('amount')}</th>
          </tr>
        </thead>
        <tbody>
          {bill.lines.map(line => (
            <tr key={`${line.kind} ${line.name}`}>
              <th scope="row">
                {line.kind === 'import' ? t('bought') : line.kind === 'export' ? t('sold') : ''} {line.name}
              </th>
              <td>{line.wh === null ? '' : fixed(line.wh / 1000, 2)}</td>
              <td>{amount(line.amount)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          {others.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td />
              <td>{amount(value)}</td>
            </tr>
          ))}
        </tfoot>
      </table>
    </details>
  );
}
