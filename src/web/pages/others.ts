// The pages that come after the first: one file of their own, fetched while the first is being read.

import {DayPage} from './day.tsx';
import {DevicesPage} from './devices.tsx';
import {EnergyPage} from './energy.tsx';
import {SetupPage} from './setup.tsx';

export const others = {day: DayPage, energy: EnergyPage, devices: DevicesPage, setup: SetupPage};
