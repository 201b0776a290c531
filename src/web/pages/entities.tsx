// Which entity belongs into which field of Home Assistant's Energy dashboard, for this house, by the default ids.

import {now} from '../data.ts';
import {Scroll} from '../scroll.tsx';
import {nameOf, t} from '../text.ts';

export function Entities() {
  if (!now.value) return null;
  const {site, roles, freshness} = now.value;
  const rows: readonly (readonly [field: string, key: string])[] = [
    [t('haImport'), 'grid_import_kwh'],
    [t('haExport'), 'grid_export_kwh'],
    [t('haGridPower'), 'grid_power_w'],
    ...(site.tariffs
      ? ([
          [t('haImportPrice'), 'import_price'],
          [t('haImportCost'), 'year_cost'],
          [t('haExportPrice'), 'export_price'],
          [t('haExportCredit'), 'year_credit'],
        ] as const)
      : []),
    ...('solar' in freshness
      ? ([
          [t('haSolar'), 'solar_kwh'],
          [t('haSolarPower'), 'solar_power_w'],
        ] as const)
      : []),
    ...(roles.batteries.length > 0
      ? ([
          [t('haDischarge'), 'battery_discharge_kwh'],
          [t('haCharge'), 'battery_charge_kwh'],
          [t('haBatteryPower'), 'battery_power_w'],
          [t('haSoc'), 'battery_soc_pct'],
        ] as const)
      : []),
    ...roles.loads.flatMap(id => [
      [t('haDevice', {name: nameOf(id)}), `${id}_kwh`] as const,
      [t('haDevicePower', {name: nameOf(id)}), `${id}_power_w`] as const,
    ]),
  ];
  return (
    <section class="card">
      <h2>{t('entities')}</h2>
      <p>{t('entitiesHelp')}</p>
      <Scroll name={t('entities')}>
        <table>
          <thead>
            <tr>
              <th scope="col">{t('field')}</th>
              <th scope="col">{t('entity')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(([field, key]) => (
              <tr key={key}>
                <th scope="row">{field}</th>
                <td class="mono">{`sensor.${site.id}_${key}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}
