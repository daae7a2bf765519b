// SPDX-License-Identifier: GPL-2.0-or-later
/// Which devices a level can be lent at all, by its own fields and devices.toml. On the safe side
/// where the spec does not decide it: a deny that only may match rules nothing out, an allow that
/// may match lets in. Otherwise as device-broker/rules.h judges.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "vmspec/model.h"

namespace bulkhead::vmspec {

/// Borrows the SpecSet. Each rule is held against the devices once, so that asking is quick.
class DeviceTouch {
 public:
  explicit DeviceTouch(const SpecSet& spec);

  /// The level may be lent a device of the class that nobody named.
  [[nodiscard]] bool Pool(const Level& level, DeviceClass device_class) const;
  /// The levels that may be lent this one, as a device of one of its classes; by name.
  [[nodiscard]] std::vector<const Level*> Borrowers(DeviceClass device_class,
                                                    const KnownDevice& device) const;
  /// False: to hold each rule against each device would take too long, and the answers are not to
  /// be relied on.
  [[nodiscard]] bool complete() const { return work_ <= kMaxWork; }

 private:
  /// What rules say of something.
  struct Word {
    bool denied = false;
    bool spoken = false;  ///< an allow speaks of the level
    bool allowed = false;
    [[nodiscard]] Word operator|(const Word& other) const {
      return {denied || other.denied, spoken || other.spoken, allowed || other.allowed};
    }
    [[nodiscard]] bool Lets() const { return !denied && (allowed || !spoken); }
  };
  /// The rules for one level, or for "*", of one class.
  struct Rules {
    Word of_pool;
    Word of_all;
    std::map<const KnownDevice*, Word> of_one;
    [[nodiscard]] Word Of(const KnownDevice& device) const;
  };
  using PerClass = std::array<Rules, kDeviceClassNames.size()>;
  using Devices = std::vector<const KnownDevice*>;

  void Read(const DeviceRule& rule);
  void Read(const DeviceRule& rule, DeviceClass device_class, Rules& rules) const;
  /// Those that the rule may match; when it denies, those that it surely matches.
  Devices Matched(const DeviceRule& rule);
  [[nodiscard]] bool NamesOnlyKnown(const DeviceRule& rule, DeviceClass device_class) const;
  [[nodiscard]] const PerClass* RulesFor(std::string_view level) const;

  /// Characters of globs times characters of paths: some hundredths of a second.
  static constexpr std::size_t kMaxWork = 50'000'000;

  std::map<std::string, PerClass, std::less<>> by_level_;
  std::map<std::string, Devices, std::less<>> by_serial_;  ///< "": those without one
  /// Levels whose mode is not none, and the rules for them alone.
  struct Borrower {
    const Level* level;
    const PerClass* own;
  };
  std::array<std::vector<Borrower>, kDeviceClassNames.size()> borrowers_;
  PerClass everyones_;
  Devices matched_;  ///< by the rule that is being read
  std::size_t work_ = 0;
};

}  // namespace bulkhead::vmspec
