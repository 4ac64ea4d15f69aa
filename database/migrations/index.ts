import { Facts1795000000001 } from './1795000000001-facts.js';
import { Configuration1795000000002 } from './1795000000002-configuration.js';
import { Actions1795000000003 } from './1795000000003-actions.js';
import { EmbeddedLog1795000000004 } from './1795000000004-embedded-log.js';
import { MailHits1795000000005 } from './1795000000005-mail-hits.js';
import { StatedIdentity1795000000006 } from './1795000000006-stated-identity.js';
import { RebuildBeside1795000000008 } from './1795000000008-rebuild-beside.js';
import { Erasure1795000000009 } from './1795000000009-erasure.js';
import { Accounts1795000000010 } from './1795000000010-accounts.js';
import { HeldDecisions1795000000011 } from './1795000000011-held-decisions.js';
import { EventsOfADay1795000000012 } from './1795000000012-events-of-a-day.js';
import { AwaitedOfCompanies1795000000020 } from './1795000000020-awaited-of-companies.js';
import { BrowserLimit1795000000021 } from './1795000000021-browser-limit.js';
import { StageIndex1795000000022 } from './1795000000022-stage-index.js';

/** In order. Classes, not globs: a missing file is a compile error. */
export const migrations = [
  Facts1795000000001,
  Configuration1795000000002,
  Actions1795000000003,
  EmbeddedLog1795000000004,
  MailHits1795000000005,
  StatedIdentity1795000000006,
  RebuildBeside1795000000008,
  Erasure1795000000009,
  Accounts1795000000010,
  HeldDecisions1795000000011,
  EventsOfADay1795000000012,
  AwaitedOfCompanies1795000000020,
  BrowserLimit1795000000021,
  StageIndex1795000000022,
];
