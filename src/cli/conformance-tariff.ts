// The rules of money of conformance cases as calls of the production code.

import {amountsOf, integer, oneOf} from '../core/flow/snapshot.ts';
import {cents, netBilling, netMeteringMonth, netting, PICO_PER_CENT, pico} from '../core/tariff/rules.ts';
import {array, type Fields, fail, items, pair, toRecord} from './conformance-fields.ts';

export function tariffKind(input: Fields): unknown {
  const price = (value: unknown, name: string): number => integer(value, name);
  const energy = (value: unknown, name: string): number => integer(value, name, 0);
  switch (
    oneOf(input['rule'] ?? null, ['energy-cost', 'net-metering-tou', 'net-billing', 'feed-in', 'demand', 'netting'] as const, 'rule')
  ) {
    case 'energy-cost': {
      const sum = items(input['items'], 'items').reduce(
        (total, one) => total + pico(integer(one['mWh'], 'mWh'), price(one['price'], 'price')),
        0n,
      );
      return {pico: sum, cents: cents(sum)};
    }
    case 'net-metering-tou': {
      const prices = amountsOf(input['prices'], 'prices');
      const fixed = integer(input['fixed'] ?? 0, 'fixed');
      const nonBypassable = integer(input['nbc'] ?? 0, 'nbc');
      const bankIn = amountsOf(input['bank'] ?? {}, 'bank', 0);
      let bank: Readonly<Record<string, number>> = toRecord(Object.keys(prices).map(bucket => [bucket, bankIn[bucket] ?? 0]));
      const bills = items(input['months'], 'months').map(month => {
        const bill = netMeteringMonth(
          prices,
          amountsOf(month['import'], 'import', 0),
          amountsOf(month['export'], 'export', 0),
          bank,
          fixed,
          nonBypassable,
        );
        bank = bill.bank;
        return {net: bill.net, cents: cents(bill.pico), bank: bill.bank};
      });
      if (input['trueUpPrice'] === undefined || input['trueUpPrice'] === null) return {bills};
      const surplus = Object.values(bank).reduce((a, b) => a + b, 0);
      return {bills, trueUp: {surplus, cents: cents(pico(surplus, price(input['trueUpPrice'], 'trueUpPrice')))}};
    }
    case 'net-billing': {
      const intervals = items(input['intervals'], 'intervals').map(one => ({
        import: energy(one['import'], 'import'),
        export: energy(one['export'], 'export'),
        buy: price(one['buy'], 'buy'),
        sell: price(one['sell'], 'sell'),
      }));
      const bill = netBilling(
        intervals,
        integer(input['nbc'] ?? 0, 'nbc'),
        BigInt(integer(input['creditIn'] ?? 0, 'creditIn')) * PICO_PER_CENT,
      );
      return {
        importPico: bill.importPico,
        creditPico: bill.creditPico,
        nonBypassPico: bill.nonBypassPico,
        dueCents: cents(bill.duePico),
        creditOutCents: cents(bill.creditOutPico),
      };
    }
    case 'feed-in': {
      const tariff = price(input['price'], 'price');
      const suspended = input['noPayWhenNegative'] ?? false;
      if (typeof suspended !== 'boolean') throw new RangeError('noPayWhenNegative: expected true or false');
      let paid = 0n;
      let unpaidNegativeMWh = 0;
      let notEligibleMWh = 0;
      for (const one of items(input['intervals'], 'intervals')) {
        const eligible = energy(one['eligible'], 'eligible');
        const spot = price(one['spot'], 'spot');
        notEligibleMWh += energy(one['notEligible'], 'notEligible');
        if (suspended && spot < 0) unpaidNegativeMWh += eligible;
        else paid += pico(eligible, tariff);
      }
      return {pico: paid, cents: cents(paid), unpaidNegativeMWh, notEligibleMWh};
    }
    case 'demand': {
      const quarters = items(input['quarterHours'], 'quarterHours').map(one => ({
        t: one['t'] ?? fail('t is missing'),
        import: energy(one['import'], 'import'),
      }));
      const peak = quarters.reduce(
        (best, one) => (one.import > best.import ? one : best),
        quarters[0] ?? fail('quarterHours: expected at least one'),
      );
      const peakMilliwatt = peak.import * 4;
      return {peakAt: peak.t, peakMilliwatt, cents: cents(BigInt(peakMilliwatt) * BigInt(price(input['pricePerKw'], 'pricePerKw')))};
    }
    case 'netting':
      return netting(
        array(input['intervals'], 'intervals').map(one => {
          const [imported, exported] = pair(one, 'intervals');
          return [integer(imported, 'import', 0), integer(exported, 'export', 0)] as const;
        }),
      );
  }
}
