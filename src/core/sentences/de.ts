// What the daemon tells people, in German. The keys are its own English sentences, `{…}` stands for what is filled in: `say` takes
// nothing else, so a sentence without its line here does not compile. Another language is a table with the same keys.

export const sentences = {
  // The house at an instant
  '{w} W more left the house than came in': '{w} W mehr verließen das Haus, als hineinkamen',
  '{w} W vanish between the meters': '{w} W verschwinden zwischen den Zählern',
  '{w} W appear between the meters': '{w} W entstehen zwischen den Zählern',
  '{w} W vanish between the two meters': '{w} W verschwinden zwischen den beiden Zählern',
  '{w} W appear between the two meters': '{w} W entstehen zwischen den beiden Zählern',
  '{id}: {w} W more left the inverter than came in': '{id}: {w} W mehr verließen den Wechselrichter, als hineinkamen',
  '{id}: more power left the inverter than came in, inside the tolerance':
    '{id}: mehr Leistung verließ den Wechselrichter, als hineinkam, innerhalb der Toleranz',
  'the readings contradict each other inside their tolerance': 'die Messwerte widersprechen sich innerhalb ihrer Toleranz',
  'the two meters contradict each other inside their tolerance': 'die beiden Zähler widersprechen sich innerhalb ihrer Toleranz',
  'the grid is off; the house runs on its own': 'das Netz ist aus; das Haus läuft allein',
  'neither the grid meter nor the house meter tells anything': 'weder der Netzzähler noch der Hauszähler sagt etwas',
  'the grid is derived from the meter of the house': 'das Netz ist aus dem Hauszähler abgeleitet',
  'the grid is derived from the second meter and the loads above it':
    'das Netz ist aus dem zweiten Zähler und den Verbrauchern davor abgeleitet',
  'readings of different moments were brought to one': 'Messwerte verschiedener Augenblicke wurden auf einen gebracht',
  'a reading was missing; its last value was held': 'ein Messwert fehlte; sein letzter Wert wurde gehalten',
  'the readings moved further apart than they can have': 'die Messwerte gingen weiter auseinander, als sie können',
  '{devices} tells nothing; its power is not in the balance': '{devices} sagt nichts; die Leistung fehlt in der Bilanz',
  'the readings contradict each other': 'die Messwerte widersprechen sich',
  // Quarter hours
  '{device} was silent for {s} s; its counter tells how much flowed, not when':
    '{device} schwieg {s} s; der Zählerstand sagt, wie viel floss, nicht wann',
  'filled from the counters over {s} s': 'über {s} s aus den Zählerständen gefüllt',
  'the counters say that more left the house than came in': 'nach den Zählerständen verließ mehr das Haus, als hineinkam',
  'the counters could not be brought into the cells that were measured; the quarter hour was divided by its totals':
    'die Zählerstände passten nicht in die gemessenen Flüsse; die Viertelstunde wurde nach ihren Summen aufgeteilt',
  'the clock is not trusted yet': 'der Uhr ist noch nicht zu trauen',
  'some of its cells were lost with a damaged file': 'ein Teil der Flüsse ging mit einer beschädigten Datei verloren',
  '{reason}; corrected: {why}': '{reason}; berichtigt: {why}',
  'corrected: {why}': 'berichtigt: {why}',
  // Counters
  '{key} jumped from {before} kWh to {now} kWh; not believed until it continues':
    '{key} sprang von {before} kWh auf {now} kWh; wird erst geglaubt, wenn es so weitergeht',
  '{key} continues at {now} kWh instead of {before} kWh; only its rise since then is booked':
    '{key} geht bei {now} kWh statt {before} kWh weiter; gebucht wird nur der Anstieg seitdem',
  '{key} rolled over from {before} kWh to {now} kWh': '{key} lief von {before} kWh auf {now} kWh über',
  '{key} stands at {now} kWh while power flows': '{key} steht bei {now} kWh, während Leistung fließt',
  '{key}: the published total waits until the ledger has caught up':
    '{key}: die veröffentlichte Summe wartet, bis die Aufzeichnung sie eingeholt hat',
  // Time
  'the clock stepped by {s} s; energy is not touched': 'die Uhr sprang um {s} s; die Energie bleibt unberührt',
  'nothing is known for {s} s; the counters will tell': 'für {s} s ist nichts bekannt; die Zählerstände werden es sagen',
  '{s} s without readings filled from the counters': '{s} s ohne Messwerte aus den Zählerständen gefüllt',
  '{n} slots from before the clock was set have their date now':
    '{n} Viertelstunden aus der Zeit vor dem Stellen der Uhr haben jetzt ihr Datum',
  "{channel}: its registers are {s} s old when they are read (taken for {before} s so far); the home's power moved {less} % less that way":
    '{channel}: seine Register sind beim Lesen {s} s alt (bisher angenommen: {before} s); so schwankte die Leistung des Hauses um {less} % weniger',
  // Batteries
  '{id} rests on its lowest charge; {wh} Wh still on record are booked as its loss':
    '{id} ruht auf dem niedrigsten Ladestand; {wh} Wh, die noch verzeichnet waren, sind als Verlust gebucht',
  '{id} gave back {percent} % of what it took since it last was empty':
    '{id} gab {percent} % dessen zurück, was seit dem letzten Leerstand hineinging',
  // Hints
  '{names}: clamp reversed, or wrong sign: {w} W more leave the house than come in, for 15 minutes; with this sign turned around it adds up in {percent} % of {n} instants':
    '{names}: Stromwandler verkehrt herum oder falsches Vorzeichen: {w} W mehr verlassen das Haus, als hineinkommen, seit 15 Minuten; mit umgedrehtem Vorzeichen geht es in {percent} % von {n} Augenblicken auf',
  'unmetered generation, or a meter with the wrong sign: {w} W more leave the house than come in, for 15 minutes':
    'Erzeugung ohne Zähler, oder ein Zähler mit falschem Vorzeichen: {w} W mehr verlassen das Haus, als hineinkommen, seit 15 Minuten',
  'unmetered load or wrong sign: {w} W vanish between the meters, for 15 minutes':
    'Verbraucher ohne Zähler oder falsches Vorzeichen: {w} W verschwinden zwischen den Zählern, seit 15 Minuten',
  '{device}: swapped phases: what steps on its L{from} steps on L{to} of the grid meter, in {percent} % of {n} steps':
    '{device}: vertauschte Phasen: was auf seiner L{from} springt, springt am Netzzähler auf L{to}, in {percent} % von {n} Sprüngen',
  // Devices
  '{before} became {after}; values that do not fit are held back until they prove plausible':
    'aus {before} wurde {after}; Werte, die nicht passen, bleiben zurück, bis sie sich als glaubhaft erweisen',
  'register {at} says {value}, which is not what a {name} tells there': 'Register {at} sagt {value}, und das sagt {name} dort nicht',
  'nothing to tell in the dark': 'im Dunkeln gibt es nichts zu sagen',
  'after {s} s': 'nach {s} s',
  '{device}: no answer ({fault})': '{device}: keine Antwort ({fault})',
  'no reason known': 'Grund unbekannt',
  'no tick for {s} s': 'seit {s} s kein Takt',
  '{name}: {trouble}': '{name}: {trouble}',
  failing: 'gestört',
  // Faults of readings
  'no answer within {ms} ms': 'keine Antwort innerhalb von {ms} ms',
  'no answer': 'keine Antwort',
  'refused with exception {code} ({meaning})': 'abgelehnt mit Ausnahme {code} ({meaning})',
  'refused with exception {code}': 'abgelehnt mit Ausnahme {code}',
  'the device has no such value': 'das Gerät hat keinen solchen Wert',
  '{value} is not plausible': '{value} ist nicht plausibel',
  asleep: 'schläft',
  function: 'Funktion',
  address: 'Adresse',
  value: 'Wert',
  'device failure': 'Gerätefehler',
  acknowledge: 'angenommen, dauert noch',
  busy: 'beschäftigt',
  'memory parity': 'Speicherparität',
  'gateway path': 'Weg im Gateway',
  'gateway target silent': 'Gerät hinter dem Gateway schweigt',
  // Connections
  stopped: 'angehalten',
  'not connected': 'nicht verbunden',
  'the connection was closed': 'die Verbindung wurde geschlossen',
  'unit {unit} does not answer': 'Gerät {unit} antwortet nicht',
  'unit {other} answers unit {unit}': 'Gerät {other} antwortet statt Gerät {unit}',
  'function {other} answers function {fc}': 'Funktion {other} antwortet auf Funktion {fc}',
  '{n} bytes answer {wanted}': '{n} Bytes antworten auf {wanted}',
  '{n} bytes, but no whole answer': '{n} Bytes, aber keine ganze Antwort',
  'the answer to the request before, once more': 'noch einmal die Antwort auf die Anfrage davor',
  'the checksum is wrong': 'die Prüfsumme ist falsch',
  'characters that are no hexadecimal digits': 'Zeichen, die keine Hexadezimalziffern sind',
  'this is not Modbus TCP': 'das ist kein Modbus TCP',
  "this is not GoodWe's protocol": 'das ist nicht das Protokoll von GoodWe',
  'this is not Solarman V5': 'das ist kein Solarman V5',
  'the checksum of the logger is wrong': 'die Prüfsumme des Loggers ist falsch',
  'logger {other} answers logger {logger}': 'Logger {other} antwortet statt Logger {logger}',
  'the logger does not reach the inverter': 'der Logger erreicht den Wechselrichter nicht',
  "the answer inside the logger's frame is cut": 'die Antwort im Rahmen des Loggers ist abgeschnitten',
  'somebody speaks on this line unasked: a second master?': 'jemand spricht ungefragt auf dieser Leitung: ein zweiter Master?',
  'no SunSpec marker at 40000, 50000 or 0': 'keine SunSpec-Kennung bei 40000, 50000 oder 0',
  'there is no {path}; is the adapter plugged in?': '{path} gibt es nicht; steckt der Adapter?',
  'no permission for {path}; add this user to the group dialout': 'keine Erlaubnis für {path}; dieser Benutzer muss in die Gruppe dialout',
  '{path} is in use by another program': '{path} ist von einem anderen Programm belegt',
  '{path} is no serial port, or does not know this baud rate': '{path} ist keine serielle Schnittstelle oder kennt diese Baudrate nicht',
  '{where} refuses the connection': '{where} nimmt keine Verbindung an',
  '{host} cannot be reached': '{host} ist nicht erreichbar',
  'the network of {host} cannot be reached': 'das Netz von {host} ist nicht erreichbar',
  '{where} does not answer': '{where} antwortet nicht',
  'the device cut the connection': 'das Gerät brach die Verbindung ab',
  'there is no host "{host}"': 'einen Rechner „{host}“ gibt es nicht',
  'the name "{host}" cannot be resolved now': 'der Name „{host}“ lässt sich gerade nicht auflösen',
  'no USB adapter {adapter} is plugged in': 'kein USB-Adapter {adapter} steckt',
  'no USB adapter {adapter} is plugged in; there is {others}': 'kein USB-Adapter {adapter} steckt; vorhanden: {others}',
  '{n} USB adapters are {adapter}: {those}; add serial=, or use the path':
    '{n} USB-Adapter sind {adapter}: {those}; serial= hinzufügen oder den Pfad nehmen',
  // The broker
  'the broker refuses the login ({reason}); check mqtt.username and mqtt.password':
    'der Broker verweigert die Anmeldung ({reason}); mqtt.username und mqtt.password prüfen',
  'the connection broke': 'die Verbindung brach ab',
  'the broker closed before it greeted': 'der Broker schloss, bevor er grüßte',
  'the broker ends each connection soon; perhaps another client has the id {id}: each needs an id of its own (mqtt.client_id)':
    'der Broker beendet jede Verbindung bald; vielleicht hat ein anderer Client die Kennung {id}: jeder braucht eine eigene (mqtt.client_id)',
  'another client came with the id {id}; each needs an id of its own (mqtt.client_id)':
    'ein anderer Client kam mit der Kennung {id}; jeder braucht eine eigene (mqtt.client_id)',
  'the broker says goodbye (code {code})': 'der Broker verabschiedet sich (Code {code})',
  'the broker does not take messages such as {topic} ({why})': 'der Broker nimmt Nachrichten wie {topic} nicht an ({why})',
  'it takes {n} bytes at most': 'er nimmt höchstens {n} Bytes',
  // The database
  'stored again after: {trouble}': 'wieder gespeichert nach: {trouble}',
  'a commit every {s} s again: that is within store.budget_mb_per_day':
    'wieder alle {s} s gespeichert: das bleibt innerhalb von store.budget_mb_per_day',
  'a commit every {s} s instead of {before} s keeps within store.budget_mb_per_day = {mb}; a power cut may cost as much':
    'alle {s} s statt alle {before} s zu speichern bleibt innerhalb von store.budget_mb_per_day = {mb}; so viel kann ein Stromausfall kosten',
  'a commit every {s} s instead of {before} s keeps closer to store.budget_mb_per_day = {mb}; a power cut may cost as much':
    'alle {s} s statt alle {before} s zu speichern bleibt näher an store.budget_mb_per_day = {mb}; so viel kann ein Stromausfall kosten',
  'the last run did not end in order (power cut or kill); the counters of the devices fill the hole':
    'der letzte Lauf endete nicht ordentlich (Stromausfall oder Abbruch); die Zählerstände der Geräte füllen die Lücke',
  '{n} raw rows were dropped: the clock was never believed in this run, so nobody knows when they were; their energy is kept without a date':
    '{n} Rohzeilen wurden verworfen: der Uhr war in diesem Lauf nie zu trauen, niemand weiß, wann sie waren; ihre Energie bleibt ohne Datum',
  '{file} was removed or replaced while in use; going on in a new file':
    '{file} wurde während der Benutzung entfernt oder ersetzt; weiter in einer neuen Datei',
  'local days were made anew: {before} to {after}': 'die Tage wurden neu gebildet: {before} nach {after}',
  '{file} {trouble}; it was set aside as {aside}, a new one goes on':
    '{file} {trouble}; sie wurde als {aside} beiseitegelegt, eine neue geht weiter',
  '{n} messages for the broker waited too long and were dropped': '{n} Nachrichten an den Broker warteten zu lange und wurden verworfen',
  'housekeeping: {trouble}': 'Aufräumen: {trouble}',
  'schema {from} to {to}; a copy from before is {file}': 'Schema {from} nach {to}; eine Kopie von davor ist {file}',
  'nothing could be read from the damaged file ({trouble}); it is kept':
    'aus der beschädigten Datei ließ sich nichts lesen ({trouble}); sie bleibt erhalten',
  '{rows} rows and {slots} quarter hours were taken over from the damaged file, {lost} places in it could not be read':
    '{rows} Zeilen und {slots} Viertelstunden wurden aus der beschädigten Datei übernommen, {lost} Stellen waren nicht lesbar',
  'is damaged: its header is gone': 'ist beschädigt: ihr Anfang fehlt',
  '{what} could not be stored: {trouble}': '{what} ließ sich nicht speichern: {trouble}',
  'readings of {device}': 'Messwerte von {device}',
  'a text of {device}': 'ein Text von {device}',
  'a slot': 'eine Viertelstunde',
  'an event': 'ein Ereignis',
  '{trouble} ({code})': '{trouble} ({code})',
  'is not an SQLite database': 'ist keine SQLite-Datenbank',
  'is damaged': 'ist beschädigt',
  'the disk reports errors': 'der Datenträger meldet Fehler',
  'the disk is full': 'der Datenträger ist voll',
  'the file or its file system is read-only': 'die Datei oder ihr Dateisystem ist schreibgeschützt',
  'is a directory, expected a file': 'ist ein Ordner statt einer Datei',
  'cannot be opened: does its folder exist, and may this user write there?':
    'lässt sich nicht öffnen: gibt es den Ordner, und darf dieser Benutzer dort schreiben?',
  'no such file or folder': 'diese Datei oder diesen Ordner gibt es nicht',
  'this user has no permission': 'dieser Benutzer darf das nicht',
  'another program keeps it locked': 'ein anderes Programm hält sie gesperrt',
  // Corrections
  '{what}: {n} quarter hours; {who}: {why}': '{what}: {n} Viertelstunden; {who}: {why}',
  '{what}: {n} quarter hours of points; {who}: {why}': '{what}: {n} Viertelstunden von Messpunkten; {who}: {why}',
  '{what}: {n} raw values from {from} to {to}; {who}: {why}': '{what}: {n} Rohwerte von {from} bis {to}; {who}: {why}',
  // Money
  'the bill of {month} is another one now: a tariff, a price or the ledger was corrected; the earlier one stays in the view bills':
    'die Rechnung von {month} ist jetzt eine andere: ein Tarif, ein Preis oder die Aufzeichnung wurde berichtigt; die frühere bleibt in der Sicht bills',
  '{id}: prices come again': '{id}: es kommen wieder Preise',
  '{id}: no new prices: {trouble}': '{id}: keine neuen Preise: {trouble}',
  'does not answer': 'antwortet nicht',
  'no such file': 'diese Datei gibt es nicht',
  // Findings about the configuration
  'is read and stored, but plays no part in the house': 'wird gelesen und gespeichert, spielt im Haus aber keine Rolle',
  'name it under `map:`, or leave it out': 'unter `map:` nennen oder weglassen',
  'there is no meter at the utility connection; import and export are derived':
    'am Hausanschluss ist kein Zähler; Bezug und Einspeisung sind abgeleitet',
  'add the grid meter for figures that can be audited': 'den Netzzähler hinzufügen, damit die Zahlen nachprüfbar sind',
  '{device} tells no energy counters; totals are integrated from power':
    '{device} hat keine Energiezähler; Summen werden aus der Leistung gebildet',
  'use a meter with counters where the bill must match': 'einen Zähler mit Zählerständen nehmen, wo die Rechnung stimmen muss',
  'per-phase, but {device} tells no power per phase': 'per-phase, aber {device} nennt keine Leistung je Phase',
  'use `net`, or a meter that tells its phases': '`net` nehmen oder einen Zähler, der seine Phasen nennt',
  'the counters of {device} add up the phases one by one, the utility nets them; they cannot hold the totals':
    'die Zählerstände von {device} summieren jede Phase für sich, der Versorger saldiert sie; sie können die Summen nicht halten',
  'see the notes of the profile: many meters have a setting for this':
    'siehe die Hinweise des Profils: viele Zähler haben dafür eine Einstellung',
  "{part} is measured on the DC side but stands on the AC side; the inverter's losses will look like consumption":
    '{part} wird auf der DC-Seite gemessen, steht aber auf der AC-Seite; die Verluste des Wechselrichters sehen wie Verbrauch aus',
  'name it under `map.hybrid` with its `ac:` part': 'unter `map.hybrid` mit seinem `ac:`-Teil nennen',
  '{part} carries what {battery} gives and takes, and that stands under `battery:` as well: the battery is counted twice':
    '{part} führt, was {battery} gibt und nimmt, und das steht auch unter `battery:`: der Speicher zählt doppelt',
  '{device} is a hybrid: what its battery gives and takes would be called sun':
    '{device} ist ein Hybridgerät: was sein Speicher gibt und nimmt, hieße Sonne',
  'name it under `map.hybrid`: {example}': 'unter `map.hybrid` nennen: {example}',
  '{part} tells no state of charge': '{part} nennt keinen Ladestand',
  'losses and origins of its energy are estimated': 'Verluste und Herkunft seiner Energie sind geschätzt',
  '"{id}" is nobody in this house': '„{id}“ gibt es in diesem Haus nicht',
  'known: {names}': 'bekannt: {names}',
} as const;

/** What an event is called. */
export const kinds = {
  hint: 'Hinweis',
  gap: 'Lücke',
  'gap-filled': 'Lücke gefüllt',
  'clock-step': 'Uhr gestellt',
  'slots-dated': 'nachträglich datiert',
  'age-learned': 'Alter gelernt',
  'battery-trued-up': 'Speicher abgeglichen',
  'efficiency-learned': 'Wirkungsgrad gelernt',
  'counter-held-back': 'Zählerstand zurückgehalten',
  'counter-rebased': 'Zähler neu begonnen',
  'counter-rollover': 'Zähler übergelaufen',
  'counter-stalled': 'Zähler steht',
  'total-waits': 'Summe wartet',
  'device-lost': 'Gerät verloren',
  'device-back': 'Gerät zurück',
  'device-asleep': 'Gerät schläft',
  'device-replaced': 'Gerät ersetzt',
  'firmware-changed': 'Firmware geändert',
  'profile-doubtful': 'Profil fraglich',
  'unclean-stop': 'unordentliches Ende',
  'write-budget': 'Schreibmenge',
  'rows-undated': 'Zeilen ohne Datum',
  'store-back': 'speichert wieder',
  'store-vanished': 'Datei verschwunden',
  'store-zone': 'Zeitzone geändert',
  'store-corrupt': 'Datei beschädigt',
  'store-migrated': 'Datenbank erneuert',
  'store-salvaged': 'Daten gerettet',
  'store-refused': 'nicht gespeichert',
  'store-trouble': 'Speicher gestört',
  'history-dropped': 'Verlauf verworfen',
  corrected: 'berichtigt',
  recomputed: 'neu berechnet',
  rescaled: 'umgerechnet',
  'bill-changed': 'Rechnung geändert',
  'price-series-back': 'Preise zurück',
  'price-series-lost': 'Preise fehlen',
} as const;
