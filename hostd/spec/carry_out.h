// SPDX-License-Identifier: GPL-2.0-or-later
/// What a checked set may say and this version cannot do: such a set is not put into force, for a
/// setting that protects and is not carried out is worse than none (I8). Pure.
#pragma once

#include "vmspec/spec.h"

namespace bulkhead::hostd {

/// kRefused, naming the first such setting with its place, and how many there are: each that the
/// checker marked as not there yet (B0115), and what hostd itself knows that it would do wrongly.
Status CanCarryOut(const vmspec::CheckedSpec& checked);

/// The same of the settings alone, without a look at what each level becomes: for a set that was
/// applied once. What this version would not start for another reason is refused at that start.
Status CanCarryOutSettings(const vmspec::CheckedSpec& checked);

}  // namespace bulkhead::hostd
