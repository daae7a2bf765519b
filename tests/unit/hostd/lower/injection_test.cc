// SPDX-License-Identifier: GPL-2.0-or-later
/// I5: no string of a spec, an image or a folder's name can say more in a domain's XML, in a
/// ruleset or in a line of a log than it was meant to. Every such string times every naughty
/// string.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "hostd/libvirt/domain_xml.h"
#include "hostd/lower/lower.h"
#include "tests/unit/hostd/lower/rich_set.h"
#include "tests/unit/hostd/xml_shape.h"
#include "tests/unit/naughty_strings.h"
#include "vmspec/base/sanitize.h"

namespace bulkhead::hostd {
namespace {

const std::vector<std::string>& Naughty() {
  static const std::vector<std::string> all = NaughtyStrings(BULKHEAD_SOURCE_ROOT);
  return all;
}

std::string Shown(const std::string& text) { return Printable(text, 120); }

/// What a start of `low` works with, all of it, before it is lowered.
struct Inputs {
  vmspec::SpecSet spec = RichSet();
  Paths paths;
  StartFacts facts = {.accel = Acceleration::kTcg,
                      .tsc_khz = 2'000'000,
                      .created_unix_s = 1'750'000'000,
                      .kernel = "/var/lib/bulkhead/levels/low/boot/vmlinuz",
                      .initrd = "/var/lib/bulkhead/levels/low/boot/initrd.img",
                      .cmdline = "console=hvc0",
                      .image_version = "debian-13-1"};
  std::string level = "low";
};

void Rename(Inputs& in, const std::string& name) {
  vmspec::Level level = in.spec.levels.at(in.level);
  in.spec.levels.erase(in.level);
  level.name = name;
  in.spec.levels[name] = level;
  for (auto& [unused, flow] : in.spec.flows) {
    if (flow.from == in.level) flow.from = name;
    if (flow.to == in.level) flow.to = name;
  }
  in.level = name;
}

/// The name of a network interface follows from the level's, by a hash when that is long: looked at
/// as a field of its own.
void RenameOffline(Inputs& in, const std::string& name) {
  in.spec.levels.at(in.level).network = {};
  Rename(in, name);
}

void RenameFlow(Inputs& in, const std::string& name) {
  vmspec::Flow flow = in.spec.flows.at("up");
  in.spec.flows.clear();
  flow.name = name;
  in.spec.flows[name] = flow;
}

struct SpecField {
  const char* name;
  const char* benign;
  std::function<void(Inputs&, const std::string&)> set;
};

const SpecField kSpecFields[] = {
    {"level", "qqlevel", RenameOffline},
    {"title", "qqtitle", [](Inputs& in, auto& s) { in.spec.levels.at("low").title = s; }},
    {"uuid", "12345678-9abc-4ef0-8234-56789abcdef0",
     [](Inputs& in, auto& s) { in.spec.levels.at("low").uuid = s; }},
    {"icon", "qqicon", [](Inputs& in, auto& s) { in.spec.levels.at("low").icon = s; }},
    {"image", "qqimage", [](Inputs& in, auto& s) { in.spec.levels.at("low").image = s; }},
    {"flow", "qqflow", RenameFlow},
    {"run folder", "/qqrun", [](Inputs& in, auto& s) { in.paths.run = s; }},
    {"state folder", "/qqstate", [](Inputs& in, auto& s) { in.paths.state = s; }},
    {"kernel", "/qqkernel", [](Inputs& in, auto& s) { in.facts.kernel = s; }},
    {"initrd", "/qqinitrd", [](Inputs& in, auto& s) { in.facts.initrd = s; }},
    {"command line", "qqcmdline", [](Inputs& in, auto& s) { in.facts.cmdline = s; }},
    {"image version", "qqversion", [](Inputs& in, auto& s) { in.facts.image_version = s; }},
};

DomainSpec DomainOf(const Inputs& in) {
  AppliedSpec applied = *NumberAnew(in.spec);
  // Whatever it is called.
  applied.levels[in.level] = 7;
  return LowerDomain(in.paths, applied, applied.spec.levels.at(in.level), in.facts);
}

/// Fields of the domain that follow from numbers or from code: nothing may rely on that.
struct DomainField {
  const char* name;
  const char* benign;
  std::function<void(DomainSpec&, const std::string&)> set;
};

const DomainField kDomainFields[] = {
    {"level", "qqlevel", [](DomainSpec& d, auto& s) { d.level = s; }},
    {"uuid", "12345678-9abc-4ef0-8234-56789abcdef0", [](DomainSpec& d, auto& s) { d.uuid = s; }},
    {"title", "qqtitle", [](DomainSpec& d, auto& s) { d.title = s; }},
    {"icon", "qqicon", [](DomainSpec& d, auto& s) { d.icon = s; }},
    {"kernel", "/qqkernel", [](DomainSpec& d, auto& s) { d.kernel = s; }},
    {"initrd", "/qqinitrd", [](DomainSpec& d, auto& s) { d.initrd = s; }},
    {"command line", "qqcmdline", [](DomainSpec& d, auto& s) { d.cmdline = s; }},
    {"root", "/qqroot", [](DomainSpec& d, auto& s) { d.root.path = s; }},
    {"state", "/qqstate", [](DomainSpec& d, auto& s) { d.state->path = s; }},
    {"tap", "qqtap", [](DomainSpec& d, auto& s) { d.network->tap = s; }},
    {"mac", "02:62:68:aa:bb:cc", [](DomainSpec& d, auto& s) { d.network->mac = s; }},
    {"port", "qqport", [](DomainSpec& d, auto& s) { d.channels[0].port = s; }},
    {"socket", "/qqsocket", [](DomainSpec& d, auto& s) { d.channels[0].socket_path = s; }},
    {"console", "/qqconsole", [](DomainSpec& d, auto& s) { d.console_socket = s; }},
    {"image version", "qqversion", [](DomainSpec& d, auto& s) { d.image_version = s; }},
};

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// A field's benign document, and how another value of the field may differ from it: in that value
/// alone. (An empty value may leave its element or attribute out.)
class Reference {
 public:
  Reference(std::string benign, const std::string& xml)
      : benign_(std::move(benign)), shape_(*ShapeOf(xml)) {}

  /// Why `xml` is not the benign document with `value` in its place; "" when it is.
  [[nodiscard]] std::string Fault(const std::string& value, const std::string& xml) const {
    auto shape = ShapeOf(xml);
    if (!shape) return "not well-formed";
    if (value.empty()) return SchemaFault(xml);
    if (shape->structure != shape_.structure) return "another tree";
    for (std::size_t i = 0; i < shape_.values.size(); ++i) {
      if (shape->values[i] != Replaced(shape_.values[i], benign_, value)) return "another value";
    }
    return SchemaFault(xml);
  }

 private:
  std::string benign_;
  XmlShape shape_;
};

struct Count {
  int written = 0;
  int refused = 0;
};

/// `xml_of` gives the document with a value, or the refusal.
void TryAll(const std::string& field, const std::string& benign,
            const std::function<Result<std::string>(const std::string&)>& xml_of, Count& count) {
  auto plain = xml_of(benign);
  ASSERT_TRUE(plain) << field << ": " << plain.error().message;
  ASSERT_NE(std::string::npos, plain->find(benign)) << field;
  Reference reference(benign, *plain);
  for (const std::string& value : Naughty()) {
    auto xml = xml_of(value);
    if (!xml) {
      ++count.refused;
      EXPECT_EQ(ErrorCode::kInvalid, xml.error().code) << field << " " << Shown(value);
      // The refusal goes to logs and terminals, and never repeats what it refuses.
      EXPECT_TRUE(IsPrintable(xml.error().message)) << Shown(xml.error().message);
      continue;
    }
    ++count.written;
    EXPECT_EQ("", reference.Fault(value, *xml)) << field << " = " << Shown(value);
  }
}

TEST(Injection, I5CannotChangeADomainThroughAnyStringOfASpecOrAnImage) {
  Count count;
  for (const SpecField& field : kSpecFields) {
    TryAll(
        field.name, field.benign,
        [&](const std::string& value) {
          Inputs in;
          field.set(in, value);
          return BuildDomainXml(DomainOf(in));
        },
        count);
  }
  std::printf("%zu strings, %d documents written and valid, %d values refused\n", Naughty().size(),
              count.written, count.refused);
  EXPECT_GT(count.written, 100);
  EXPECT_GT(count.refused, 100);
}

TEST(Injection, I5CannotChangeADomainThroughAnyStringOfADomainSpec) {
  Count count;
  for (const DomainField& field : kDomainFields) {
    TryAll(
        field.name, field.benign,
        [&](const std::string& value) {
          DomainSpec domain = DomainOf(Inputs{});
          field.set(domain, value);
          return BuildDomainXml(domain);
        },
        count);
  }
  std::printf("%zu strings, %d documents written and valid, %d values refused\n", Naughty().size(),
              count.written, count.refused);
  EXPECT_GT(count.refused, 100);
}

TEST(Injection, TheComparisonSeesWhatItShouldSee) {
  auto xml = *BuildDomainXml(DomainOf(Inputs{}));
  std::string title = "Öffentlich &lt;&amp;\"'&gt; ]]&gt;";
  ASSERT_NE(std::string::npos, xml.find(title));
  Reference reference("low", xml);
  EXPECT_EQ("", reference.Fault("low", xml));
  EXPECT_EQ("another tree", reference.Fault("low", Replaced(xml, title, "a<!-- -->")));
  EXPECT_EQ("another tree", reference.Fault("low", Replaced(xml, title, "a<b/>c")));
  EXPECT_EQ("another tree", reference.Fault("low", Replaced(xml, title, "<![CDATA[a]]>")));
  EXPECT_EQ("another value", reference.Fault("low", Replaced(xml, title, "a")));
  EXPECT_EQ("not well-formed", reference.Fault("low", Replaced(xml, title, "<")));
}

// --- packet rules ------------------------------------------------------------------------------

void RenameUplink(Inputs& in, const std::string& name) {
  in.spec.uplinks[name] = in.spec.uplinks.at("office");
  in.spec.uplinks[name].name = name;
  in.spec.levels.at("low").network.uplink = name;
}

const SpecField kNetFields[] = {
    {"level", "qqlevel", Rename},
    {"uplink", "qquplink", RenameUplink},
    {"interface", "qqeth", [](Inputs& in, auto& s) { in.spec.uplinks.at("office").interface = s; }},
    {"comment", "qqcomment",
     [](Inputs& in, auto& s) { in.spec.levels.at("low").network.allow[0].comment = s; }},
    {"file", "qqfile",
     [](Inputs& in, auto& s) {
       vmspec::LevelNetwork& network = in.spec.levels.at("low").network;
       for (auto* rules : {&network.allow, &network.deny}) {
         for (vmspec::NetRule& rule : *rules) rule.origin.file = s;
       }
     }},
};

/// Words and strings of nft's language: a string is one token, whatever it holds.
std::string Tokens(const std::string& ruleset) {
  std::string out;
  bool quoted = false;
  for (char c : ruleset) {
    if (c == '"') out += quoted ? "" : "S";
    if (c == '"')
      quoted = !quoted;
    else if (!quoted)
      out += c;
  }
  return quoted ? "an open string" : out;
}

TEST(Injection, I5CannotChangeARulesetThroughAnyStringOfASpec) {
  int written = 0;
  for (const SpecField& field : kNetFields) {
    Inputs plain;
    field.set(plain, field.benign);
    auto rules = [](const Inputs& in) {
      return Lower(in.paths, *NumberAnew(in.spec), in.level, in.facts, 1'750'000'000);
    };
    auto benign = rules(plain);
    ASSERT_TRUE(benign) << field.name << benign.error().message;
    for (const std::string& value : Naughty()) {
      if (value.empty() && field.name == std::string("uplink")) continue;  // no network
      Inputs in;
      field.set(in, value);
      auto lowered = rules(in);
      if (!lowered) {
        EXPECT_TRUE(IsPrintable(Replaced(lowered.error().message, "\\", "")))
            << Shown(lowered.error().message);
        continue;
      }
      ++written;
      // A name that is one may be longer or shorter; else the words are the same.
      std::string now = Tokens(lowered->ruleset);
      if (field.name != std::string("level")) {
        EXPECT_EQ(Tokens(benign->ruleset), now) << field.name << " = " << Shown(value);
      }
      std::string flat = lowered->ruleset;
      std::erase(flat, '\n');
      EXPECT_TRUE(IsPrintable(Replaced(flat, "\\", ""))) << Shown(value);
    }
  }
  EXPECT_GT(written, 100);
}

TEST(Injection, I5CannotBringAnythingUnprintableIntoTheTextForPeople) {
  for (const std::string& value : Naughty()) {
    Inputs in;
    for (auto& [name, flow] : in.spec.flows) {
      flow.types = {value};
      flow.recipients = {value};
      flow.sign_with = value;
      flow.decrypt_with = {value};
      flow.origin.file = value;
    }
    for (vmspec::DeviceRule& rule : in.spec.device_rules) {
      rule.path = rule.serial = rule.usb_id = rule.comment = rule.origin.file = value;
    }
    for (vmspec::DevicePolicy& policy : in.spec.levels.at("low").devices) {
      policy.relying_parties = {value};
      policy.usb_ids = {value};
      policy.origin.file = value;
    }
    auto lowered = Lower(in.paths, *NumberAnew(in.spec), "low", in.facts, 0);
    ASSERT_TRUE(lowered) << lowered.error().message;
    std::string text = RoutesText(lowered->routes) + DeviceRulesText(lowered->device_rules) +
                       GrantsText(lowered->grants);
    std::erase(text, '\n');
    EXPECT_TRUE(IsPrintable(Replaced(text, "\\", ""))) << Shown(value);
  }
}

}  // namespace
}  // namespace bulkhead::hostd
