// SPDX-License-Identifier: GPL-2.0-or-later
/// Which devices a level can be lent at all, by its own fields and devices.toml. On the safe side
/// where the spec does not decide it: a deny that only may match rules nothing out, an allow that
/// may match lets in. Otherwise as device-broker/rules.h judges.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "vmspec/model.h"

namespace bulkhead::vmspec {

class DeviceTouch {
 public:
  explicit DeviceTouch(const SpecSet& spec);

  /// The level may be lent a device of the class that nobody named.
  [[nodiscard]] bool Pool(const Level& level, DeviceClass device_class) const;
  /// The level may be lent this one, as a device of one of its classes.
  [[nodiscard]] bool Named(const Level& level, DeviceClass device_class,
                           const KnownDevice& device) const;

 private:
  using Rules = std::vector<const DeviceRule*>;
  /// Those for "*" and those for the level, of that class or of all.
  struct ByLevel {
    std::array<Rules, kDeviceClassNames.size()> rules;
  };
  /// What a list of rules says of something.
  struct Word {
    bool denied = false;
    bool spoken = false;  ///< an allow speaks of the level
    bool allowed = false;
    [[nodiscard]] Word operator|(const Word& other) const {
      return {denied || other.denied, spoken || other.spoken, allowed || other.allowed};
    }
    [[nodiscard]] bool Lets() const { return !denied && (allowed || !spoken); }
  };
  using PerClass = std::array<Word, kDeviceClassNames.size()>;

  [[nodiscard]] bool NamesOnlyKnown(const DeviceRule& rule, DeviceClass device_class) const;
  [[nodiscard]] Word OfPool(const Rules& rules, DeviceClass device_class) const;
  static Word OfDevice(const Rules& rules, const KnownDevice& device);
  [[nodiscard]] const Rules& RulesFor(const std::string& level, DeviceClass device_class) const;

  std::map<std::string, ByLevel, std::less<>> by_level_;
  std::multimap<std::string, const KnownDevice*> by_serial_;
  PerClass everyones_pool_{};
  std::map<std::string, PerClass> everyones_named_;
};

}  // namespace bulkhead::vmspec
