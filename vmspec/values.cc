// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/values.h"

#include "vmspec/base/sanitize.h"
#include "vmspec/codes.h"
#include "vmspec/did_you_mean.h"
#include "vmspec/scalars.h"
#include "vmspec/string_forms.h"
#include "vmspec/table_reader.h"
#include "vmspec/value_hints.h"

namespace bulkhead::vmspec {

namespace {

/// The value when it is of type T, else a fault that says what was `expected`.
template <typename T>
const T* Expect(const KeySchema& key, const Node& node, std::string_view expected, Faults& faults) {
  const T* value = node.As<T>();
  if (value == nullptr) {
    faults.Error(codes::kWrongType,
                 Quoted(key.key) + " must be " + std::string(expected) + ", not " +
                     std::string(node.TypeName()),
                 node.origin, {}, HelpForType(key, node));
  }
  return value;
}

std::vector<std::string> Texts(Words words) { return {words.begin(), words.end()}; }

/// A number with a unit, as a text.
struct Unit {
  std::optional<std::uint64_t> (*parse)(std::string_view);
  std::string (*format)(std::uint64_t);
  std::string (*meant)(std::string_view);
  std::string_view code;
  std::string_view fault;
  std::string_view help;
};

const Unit* UnitOf(Form form) {
  static constexpr Unit kSize{
      ParseSize,     FormatSize,
      MeantSize,     codes::kBadSize,
      " is no size", "a size is a whole number, a space, and B, KiB, MiB, GiB or TiB"};
  static constexpr Unit kDuration{
      ParseDuration,     FormatDuration,
      MeantDuration,     codes::kBadDuration,
      " is no duration", "a duration is a whole number, a space, and s, min, h or d"};
  static constexpr Unit kRate{
      ParseBitRate,
      FormatBitRate,
      MeantBitRate,
      codes::kBadRate,
      " is no bit rate",
      "a bit rate is a whole number, a space, and bit/s, kbit/s, Mbit/s or Gbit/s"};
  return form == Form::kSize       ? &kSize
         : form == Form::kDuration ? &kDuration
         : form == Form::kBitRate  ? &kRate
                                   : nullptr;
}

std::optional<std::uint64_t> ReadInteger(const KeySchema& key, const Node& node, Faults& faults) {
  const auto* value = Expect<std::int64_t>(key, node, "a whole number", faults);
  if (value == nullptr) return std::nullopt;
  if (*value < 0 || static_cast<std::uint64_t>(*value) < key.range.min ||
      static_cast<std::uint64_t>(*value) > key.range.max) {
    faults.Error(codes::kRange,
                 Quoted(key.key) + " must be from " + std::to_string(key.range.min) + " to " +
                     std::to_string(key.range.max) + ", not " + std::to_string(*value),
                 node.origin);
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*value);
}

std::optional<std::uint64_t> ReadWithUnit(const KeySchema& key, const Node& node, const Unit& unit,
                                          Faults& faults) {
  const auto* text = Expect<std::string>(key, node, "a string", faults);
  if (text == nullptr) return std::nullopt;
  if (*text == "never" && key.fallback == "\"never\"") return 0;
  auto value = unit.parse(*text);
  if (!value) {
    faults.Error(unit.code, Quoted(*text) + std::string(unit.fault), node.origin, unit.meant(*text),
                 std::string(unit.help));
  } else if (*value < key.range.min || *value > key.range.max) {
    faults.Error(codes::kRange,
                 Quoted(key.key) + " must be from " + unit.format(key.range.min) + " to " +
                     unit.format(key.range.max) + ", not " + Printable(*text, 40),
                 node.origin);
  } else if (*value % key.unit != 0) {
    faults.Error(codes::kRange,
                 Quoted(key.key) + " must be a multiple of " + unit.format(key.unit) + ", not " +
                     Printable(*text, 40),
                 node.origin);
  } else {
    return value;
  }
  return std::nullopt;
}

std::string_view CodeOf(Kind kind) {
  return kind == Kind::kLevel    ? codes::kUnknownLevel
         : kind == Kind::kUplink ? codes::kUnknownUplink
                                 : codes::kUnknownReference;
}

/// Where a set says what it has none of.
std::string WhereSaid(Kind kind) {
  return kind == Kind::kLevel       ? ": a level is a file levels/NAME.toml"
         : kind == Kind::kUplink    ? ": write [uplink.NAME] in networks.toml"
         : kind == Kind::kKey       ? ": write [key.NAME] in devices.toml"
         : kind == Kind::kRecipient ? ": write [recipient.NAME] in flows.toml"
                                    : "";
}

std::optional<std::string> ReadReference(const KeySchema& key, const Node& node,
                                         const std::string& name, const Scope& scope,
                                         Faults& faults) {
  const auto& names = scope.Of(key.refers_to);
  if (!names || names->contains(name)) return name;
  std::string kind(NameOf(key.refers_to));
  std::string meant;
  std::string help = names->empty() ? "the spec set has no " + kind + WhereSaid(key.refers_to) : "";
  if (faults.MayCompare(names->size())) {
    std::vector<std::string> candidates(names->begin(), names->end());
    meant = DidYouMean(name, candidates);
    if (!candidates.empty() && candidates.size() <= 16) {
      help = "the " + kind + "s are " + Listed(candidates);
    }
  }
  faults.Error(CodeOf(key.refers_to), "there is no " + kind + " " + Quoted(name), node.origin,
               meant, meant.empty() ? help : "");
  return std::nullopt;
}

bool FitsText(const KeySchema& key, const std::string& text) {
  return text.size() >= key.range.min && text.size() <= key.range.max && IsPrintable(text);
}

std::optional<std::string> ReadText(const KeySchema& key, const Node& node, const std::string& text,
                                    Faults& faults) {
  if (FitsText(key, text)) return text;
  faults.Error(codes::kBadText,
               Quoted(key.key) + " must be " + std::to_string(key.range.min) + " to " +
                   std::to_string(key.range.max) +
                   " bytes of printable text without a backslash, not " + Quoted(text),
               node.origin);
  return std::nullopt;
}

}  // namespace

std::optional<bool> ReadFlag(const KeySchema& key, const Node& node, Faults& faults) {
  const bool* value = Expect<bool>(key, node, "true or false", faults);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<std::uint64_t> ReadNumber(const KeySchema& key, const Node& node, Faults& faults) {
  const Unit* unit = UnitOf(key.form);
  return unit == nullptr ? ReadInteger(key, node, faults) : ReadWithUnit(key, node, *unit, faults);
}

std::optional<std::size_t> ReadWord(const KeySchema& key, const Node& node, Faults& faults) {
  const auto* word = Expect<std::string>(key, node, "a string", faults);
  if (word == nullptr) return std::nullopt;
  for (std::size_t i = 0; i < key.words.size(); ++i) {
    if (key.words[i] == *word) return i;
  }
  auto words = Texts(key.words);
  faults.Error(codes::kUnknownWord,
               Quoted(key.key) + " must be " + Listed(words, " or ") + ", not " + Quoted(*word),
               node.origin, DidYouMean(*word, words));
  return std::nullopt;
}

std::optional<std::string> ReadString(const KeySchema& key, const Node& node, const Scope& scope,
                                      Faults& faults) {
  const auto* text = Expect<std::string>(key, node, "a string", faults);
  if (text == nullptr) return std::nullopt;
  if (key.or_any && *text == "*") return *text;
  if (key.form == Form::kWord)
    return ReadWord(key, node, faults) ? std::optional(*text) : std::nullopt;
  if (key.form == Form::kReference) return ReadReference(key, node, *text, scope, faults);
  if (key.form == Form::kText) return ReadText(key, node, *text, faults);
  const StringForm* form = FindStringForm(key.form);
  if (form == nullptr || form->holds(*text)) {
    // A form of any length is bounded by the key.
    return form == nullptr || text->size() <= key.range.max ? std::optional(*text)
                                                            : ReadText(key, node, *text, faults);
  }
  faults.Error(form->code, Quoted(*text) + " " + std::string(form->fault), node.origin, {},
               std::string(form->help));
  return std::nullopt;
}

std::optional<Prefix> ReadPrefix(const KeySchema& key, const Node& node, Faults& faults) {
  const auto* text = Expect<std::string>(key, node, "a string", faults);
  if (text == nullptr) return std::nullopt;
  auto prefix = ParsePrefix(*text);
  bool single = prefix && prefix->length == (prefix->v6 ? 128 : 32);
  if (prefix && (single || key.form != Form::kAddress)) return prefix;
  bool address = key.form == Form::kAddress;
  faults.Error(codes::kBadPrefix,
               Quoted(*text) + (address ? " is no address" : " is no address or network"),
               node.origin, address ? "" : MeantNetwork(*text),
               address ? "write an address (\"10.1.2.3\", \"2001:db8::1\")"
                       : "write an address (\"10.1.2.3\", \"2001:db8::1\") or a network whose host "
                         "bits are zero (\"10.1.2.0/24\")");
  return std::nullopt;
}

bool ReadDestination(const KeySchema& key, const Node& node, NetRule& rule, Faults& faults) {
  const auto* text = Expect<std::string>(key, node, "a string", faults);
  if (text == nullptr) return false;
  std::string_view name = *text;
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (auto prefix = ParsePrefix(*text)) {
    rule.to = *prefix;
  } else if (IsHostName(name)) {
    rule.to_name = *text;
    faults.Warning(codes::kNotYet, "host names in rules are not available yet", node.origin, {},
                   "write addresses; bulkhead spec apply refuses the set");
  } else {
    faults.Error(codes::kBadPrefix, Quoted(*text) + " is no address, network or host name",
                 node.origin, MeantNetwork(*text),
                 "write an address (\"10.1.2.3\", \"2001:db8::1\"), a network whose host bits are "
                 "zero (\"10.1.2.0/24\"), or a host name");
    return false;
  }
  return true;
}

std::optional<Label> ReadLabel(const Node& node, const Scope& scope, Faults& faults) {
  TableReader table(node, kLabelSchema, "label", scope, faults);
  auto rank = table.Number("rank");
  std::vector<std::string> names;
  // Half a label would make the lattice check lie.
  bool sound = table.Read("compartments", names);
  table.Finish();
  if (!rank || !sound) return std::nullopt;
  return Label{static_cast<int>(*rank), {names.begin(), names.end()}};
}

}  // namespace bulkhead::vmspec
