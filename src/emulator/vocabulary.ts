import { jsonWire, type WireText } from './wire-text.js';

/** A name as people write it, and its letters for addresses. */
export interface Name {
  readonly shown: string;
  readonly ascii: string;
  /** The name inside JSON quotes. */
  readonly wire: WireText;
}

/** A place that requests come from. */
export interface Place {
  readonly countryCode: string;
  readonly countryCode3: string;
  readonly country: string;
  readonly city: string | null;
  readonly latitude: string;
  readonly longitude: string;
  readonly timeZone: string;
  readonly continent: string;
}

function name(shown: string, ascii: string): Name {
  return { shown, ascii, wire: jsonWire(shown).slice(1, -1) };
}

function place(
  countryCode: string,
  countryCode3: string,
  country: string,
  city: string | null,
  latitude: string,
  longitude: string,
  timeZone: string,
  continent: string,
): Place {
  return { countryCode, countryCode3, country, city, latitude, longitude, timeZone, continent };
}

/** What the tenant's people, places and devices are called. */
export interface Vocabulary {
  readonly given: readonly [Name, ...Name[]];
  readonly family: readonly [Name, ...Name[]];
  readonly places: readonly [Place, ...Place[]];
  readonly userAgents: readonly [string, ...string[]];
  readonly companies: readonly [string, ...string[]];
  readonly products: readonly [string, ...string[]];
}

/** The one vocabulary. Texts hold scripts, accents and signs that a careless copy would spoil. */
export function vocabulary(): Vocabulary {
  return {
    given: [
      name('Zoë', 'zoe'),
      name('José', 'jose'),
      name('Anna', 'anna'),
      name('Łukasz', 'lukasz'),
      name('Søren', 'soren'),
      name('Olga', 'olga'),
      name('Владимир', 'vladimir'),
      name('明', 'ming'),
      name('さくら', 'sakura'),
      name('محمد', 'mohammed'),
      name('Priya', 'priya'),
      name('Chloé', 'chloe'),
      name('Jürgen', 'juergen'),
      name('Noah', 'noah'),
      name('Emma', 'emma'),
      name('Liam', 'liam'),
      name('Αλέξανδρος', 'alexandros'),
      name('Siân', 'sian'),
      name('민준', 'minjun'),
      name('Nguyễn', 'nguyen'),
      name('Amélie', 'amelie'),
      name('Grace', 'grace'),
      name('Kwame', 'kwame'),
    ],
    family: [
      name('Müller', 'mueller'),
      name("O'Connor", 'oconnor'),
      name('García Márquez', 'garcia'),
      name('Kowalska', 'kowalska'),
      name('Ångström', 'angstrom'),
      name('Петров', 'petrov'),
      name('王', 'wang'),
      name('田中', 'tanaka'),
      name('Smith', 'smith'),
      name('Johnson', 'johnson'),
      name('Patel', 'patel'),
      name('Đặng', 'dang'),
      name('Çelik', 'celik'),
      name('Silva', 'silva'),
      name('van der Berg', 'vanderberg'),
      name('Novák', 'novak'),
      name('김', 'kim'),
      name('Okafor', 'okafor'),
      name('Ωνάσης', 'onassis'),
    ],
    places: [
      place('US', 'USA', 'United States of America', 'New York', '40.7143', '-74.006', 'America/New_York', 'NA'),
      place('US', 'USA', 'United States of America', null, '37.751', '-97.822', 'America/Chicago', 'NA'),
      place('DE', 'DEU', 'Germany', 'München', '48.1374', '11.5755', 'Europe/Berlin', 'EU'),
      place('FR', 'FRA', 'France', 'Nîmes', '43.8374', '4.3601', 'Europe/Paris', 'EU'),
      place('GB', 'GBR', 'United Kingdom', 'London', '51.5085', '-0.1257', 'Europe/London', 'EU'),
      place('BR', 'BRA', 'Brazil', 'São Paulo', '-23.5475', '-46.6361', 'America/Sao_Paulo', 'SA'),
      place('JP', 'JPN', 'Japan', '東京', '35.6895', '139.6917', 'Asia/Tokyo', 'AS'),
      place('IN', 'IND', 'India', 'Bengaluru', '12.9719', '77.5937', 'Asia/Kolkata', 'AS'),
      place('AU', 'AUS', 'Australia', 'Sydney', '-33.8678', '151.2073', 'Australia/Sydney', 'OC'),
      place('ZA', 'ZAF', 'South Africa', 'Cape Town', '-33.9258', '18.4232', 'Africa/Johannesburg', 'AF'),
      place('PL', 'POL', 'Poland', 'Łódź', '51.75', '19.4667', 'Europe/Warsaw', 'EU'),
    ],
    userAgents: [
      'Chrome 139.0.0 / Mac OS X 10.15.7',
      'Chrome 138.0.0 / Windows 10.0.0',
      'Firefox 141.0.0 / Ubuntu 0.0.0',
      'Mobile Safari 18.5.0 / iOS 18.5.0',
      'Chrome Mobile 139.0.0 / Android 14.0.0',
      'Edge 138.0.0 / Windows 10.0.0',
      'Safari 18.4.0 / Mac OS X 10.15.7',
      'Other 0.0.0 / Other 0.0.0',
      'okhttp 4.12.0 / Android 13.0.0',
      'Opera 120.0.0 / Linux 0.0.0 "portable" \\ build',
    ],
    companies: ['acme', 'globex', 'initech', 'umbrella', 'hooli', 'contoso', 'wayne'],
    products: [
      'Portal',
      'Mobile App',
      'Back Office',
      'Checkout',
      'Data Hub',
      'Billing',
      'Café Kiosk',
      'Partner API',
      'Reports',
    ],
  };
}
