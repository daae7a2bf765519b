// SPDX-License-Identifier: GPL-2.0-or-later
/// Templates, drop-ins, older schemas: what a level means when several files speak of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/vmspec/spec_sets.h"
#include "vmspec/codes.h"
#include "vmspec/facts.h"
#include "vmspec/scalars.h"
#include "vmspec/schema.h"

namespace bulkhead::vmspec {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

SpecFiles With(SpecFiles more) {
  SpecFiles files = SoundSet();
  for (auto& [path, text] : more) files[path] = text;
  return files;
}

const Level& LevelOf(const CheckedSpec& checked, const std::string& name) {
  return checked.spec.levels.at(name);
}

TEST(Assemble, ALevelBeginsWithWhatItsTemplateSays) {
  auto checked = CheckSpec(With({{"templates/base.toml", R"(schema = 2
image = "minimal"
[resources]
vcpus = 2
memory = "1 GiB"
)"},
                                 {"levels/mid.toml", R"(schema = 2
extends = "base"
label = { rank = 1 }
resources.vcpus = 4
)"}}));
  ASSERT_TRUE(checked.ok());
  EXPECT_EQ(LevelOf(checked, "mid").vcpus, 4U);
  EXPECT_EQ(LevelOf(checked, "mid").memory_mib, 1024U);
  EXPECT_EQ(LevelOf(checked, "mid").image, "minimal");
  EXPECT_EQ(checked.levels, 3U) << "a template is no level";
}

TEST(Assemble, DropInsAreLaidOverTheirFileInTheOrderOfTheirNames) {
  auto checked = CheckSpec(
      With({{"levels/low.d/20-b.toml", "schema = 2\ntitle = \"B\"\n"},
            {"levels/low.d/10-a.toml", "schema = 2\ntitle = \"A\"\ncolour = \"#112233\"\n"}}));
  ASSERT_TRUE(checked.ok());
  EXPECT_EQ(LevelOf(checked, "low").title, "B");
  EXPECT_EQ(LevelOf(checked, "low").colour, "#112233");
}

TEST(Assemble, ADropInAddsRulesAndCannotTakeOneAway) {
  auto checked = CheckSpec(With({{"levels/low.d/more.toml", R"(schema = 2
[network]
allow = [{ to = "192.0.2.2", tcp = 22 }]
)"}}));
  ASSERT_TRUE(checked.ok());
  const auto& allow = LevelOf(checked, "low").network.allow;
  ASSERT_EQ(allow.size(), 2U);
  EXPECT_EQ(allow[0].origin.file, "levels/low.toml");
  EXPECT_EQ(allow[1].origin.file, "levels/low.d/more.toml");
}

TEST(Assemble, CannotTakeTheRulesAwayByAnEmptyList) {
  auto checked = CheckSpec(With({{"devices.toml", R"(schema = 2
[[rule]]
action = "deny"
level = "*"
class = "storage"
)"},
                                 {"devices.d/none.toml", "schema = 2\nrule = []\n"}}));
  ASSERT_TRUE(checked.ok());
  EXPECT_EQ(checked.spec.device_rules.size(), 1U);
}

TEST(Assemble, AnEmptyListReplacesAListOfWords) {
  auto checked = CheckSpec(With({{"levels/low.toml", R"(schema = 2
label = { rank = 0 }
image = "minimal"
roles.start = ["user"]
)"},
                                 {"levels/low.d/none.toml", "schema = 2\nroles.start = []\n"}}));
  ASSERT_TRUE(checked.ok());
  EXPECT_TRUE(LevelOf(checked, "low").roles.start.empty());
}

TEST(Assemble, ADropInOfAFileThatIsNotThereIsReadAlone) {
  auto checked = CheckSpec(With({{"devices.d/deny.toml", R"(schema = 2
[[rule]]
action = "deny"
level = "*"
class = "storage"
)"}}));
  ASSERT_TRUE(checked.ok());
  EXPECT_EQ(checked.spec.device_rules.size(), 1U);
}

TEST(Assemble, AFaultIsToldWhereTheValueWasSaid) {
  auto checked = CheckSpec(With({{"levels/low.d/bad.toml", "schema = 2\ncolour = \"blue\"\n"}}));
  ASSERT_EQ(checked.diagnostics.size(), 1U);
  EXPECT_EQ(checked.diagnostics[0].origin.ToString(), "levels/low.d/bad.toml:2");
}

TEST(Assemble, AFaultOfATemplateIsToldOnceHoweverManyLevelsExtendIt) {
  std::string level = "schema = 2\nextends = \"base\"\nlabel = { rank = 1 }\n";
  auto checked = CheckSpec(
      With({{"templates/base.toml", "schema = 2\nimage = \"minimal\"\nresources.vcpus = \"2\"\n"},
            {"levels/one.toml", level},
            {"levels/two.toml", level}}));
  ASSERT_EQ(checked.diagnostics.size(), 1U);
  EXPECT_EQ(checked.diagnostics[0].origin.ToString(), "templates/base.toml:3");
  EXPECT_EQ(checked.diagnostics[0].help, "write 2, without quotes");
}

TEST(Assemble, CannotExtendInACircle) {
  auto checked =
      CheckSpec(With({{"templates/a.toml", "schema = 2\nextends = \"b\"\n"},
                      {"templates/b.toml", "schema = 2\nextends = \"a\"\n"},
                      {"levels/low.d/x.toml", "schema = 2\n"},
                      {"levels/mid.toml", "schema = 2\nextends = \"a\"\nlabel = { rank = 1 }\n"}}));
  ASSERT_EQ(checked.diagnostics.size(), 1U);
  EXPECT_EQ(checked.diagnostics[0].code, codes::kTemplateCycle);
}

TEST(Assemble, AnUnknownTemplateIsNamedAndNothingElseIsSaid) {
  auto checked = CheckSpec(With({{"templates/base.toml", "schema = 2\nimage = \"minimal\"\n"},
                                 {"levels/mid.toml", "schema = 2\nextends = \"bsae\"\n"}}));
  ASSERT_EQ(checked.diagnostics.size(), 1U);
  EXPECT_EQ(checked.diagnostics[0].code, codes::kUnknownReference);
  EXPECT_THAT(checked.diagnostics[0].label, HasSubstr("\"base\""));
}

TEST(Assemble, ADropInNeedsItsLevel) {
  auto checked = CheckSpec(With({{"levels/lwo.d/x.toml", "schema = 2\n"}}));
  ASSERT_EQ(checked.diagnostics.size(), 1U);
  EXPECT_EQ(checked.diagnostics[0].code, codes::kUnknownFile);
}

TEST(Assemble, ADropInOfAMisspeltLevelSuggestsTheLevel) {
  auto checked = CheckSpec(With({{"levels/hihg.d/10-a.toml", "schema = 2\ntitle = \"A\"\n"}}));
  ASSERT_EQ(checked.diagnostics.size(), 1U);
  EXPECT_EQ(checked.diagnostics[0].label, "did you mean \"high\"?");
}

TEST(Assemble, TemplatesHaveNoDropIns) {
  auto checked = CheckSpec(With({{"templates/a.d/x.toml", "schema = 2\n"}}));
  ASSERT_EQ(checked.diagnostics.size(), 1U);
  EXPECT_EQ(checked.diagnostics[0].code, codes::kUnknownFile);
}

TEST(Migrate, SchemaOneSaidSecondsAsANumber) {
  auto old_form = CheckSpec(With({{"host.toml", "schema = 1\n[guest]\nhello-timeout = 90\n"}}));
  auto new_form =
      CheckSpec(With({{"host.toml", "schema = 2\n[guest]\nhello-timeout = \"90 s\"\n"}}));
  ASSERT_TRUE(old_form.ok() && new_form.ok());
  EXPECT_EQ(old_form.spec.host.hello_timeout_s, 90U);
  EXPECT_EQ(new_form.spec.host.hello_timeout_s, 90U);
}

TEST(Migrate, SchemaTwoTakesNoBareSeconds) {
  auto checked = CheckSpec(With({{"host.toml", "schema = 2\n[guest]\nhello-timeout = 90\n"}}));
  ASSERT_EQ(checked.diagnostics.size(), 1U);
  EXPECT_EQ(checked.diagnostics[0].code, codes::kWrongType);
}

TEST(Forms, AreReadStrictly) {
  EXPECT_EQ(ParseDuration("90 s"), 90U);
  EXPECT_EQ(ParseDuration("2 h"), 7200U);
  for (const char* bad :
       {"", "90", "90s", "-1 s", "1.5 h", "1  s", "1 S", "99999999999999999999 d"}) {
    EXPECT_FALSE(ParseDuration(bad)) << bad;
  }
  EXPECT_EQ(ParseBitRate("10 Mbit/s"), 10'000'000U);
  EXPECT_FALSE(ParseBitRate("10 MB/s"));
  EXPECT_EQ(ParseMoment("2027-01-31T18:00:00Z"), 1801418400);
  for (const char* bad : {"2027-02-30T00:00:00Z", "2027-01-31 18:00:00", "2027-01-31T24:00:00Z",
                          "1969-12-31T23:59:59Z", "2027-1-31T18:00:00Z"}) {
    EXPECT_FALSE(ParseMoment(bad)) << bad;
  }
  EXPECT_EQ(FormatMoment(*ParseMoment("2027-01-31T18:00:00Z")), "2027-01-31T18:00:00Z");
  EXPECT_EQ(ParseWindow("22:00-05:30"), (std::pair<std::uint16_t, std::uint16_t>{1320, 330}));
  for (const char* bad : {"22:00-22:00", "24:00-05:00", "2:00-05:00", "22:00–05:00"}) {
    EXPECT_FALSE(ParseWindow(bad)) << bad;
  }
  for (const char* good : {"a.example", "xn--bcher-kva.example", "a", "1password.example"}) {
    EXPECT_TRUE(IsHostName(good)) << good;
  }
  for (const char* bad : {"", "-a.example", "a..b", "a.example.", "192.0.2.1", "300.1.2.3", "a_b",
                          "a b", "*.example"}) {
    EXPECT_FALSE(IsHostName(bad)) << bad;
  }
}

/// What a set means, without the places where it is said.
std::vector<std::pair<FactKey, std::string>> Meaning(const SpecFiles& files) {
  CheckedSpec checked = CheckSpec(files);
  EXPECT_TRUE(checked.ok()) << Explain(files);
  std::vector<std::pair<FactKey, std::string>> out;
  for (const Fact& fact : FactsOf(checked.spec)) out.emplace_back(fact.key, fact.value);
  return out;
}

/// The model's own defaults hold where a table is not there, the schema's where it is empty.
TEST(Reader, AnEmptyTableSaysNoMoreThanNone) {
  std::string all_tables;
  for (const KeySchema& key : kLevelSchema.keys) {
    if (key.form == Form::kTable) all_tables += "[" + std::string(key.key) + "]\n";
  }
  ASSERT_NE(all_tables.find("[resources]"), std::string::npos);
  EXPECT_EQ(Meaning(With({{"levels/high.toml", SoundSet().at("levels/high.toml") + all_tables}})),
            Meaning(SoundSet()));
}

TEST(Reader, AnEmptyHostFileSaysNoMoreThanNone) {
  std::string all_tables = "schema = 2\n";
  for (const KeySchema& key : kHostSchema.keys) {
    if (key.form == Form::kTable) all_tables += "[" + std::string(key.key) + "]\n";
  }
  EXPECT_EQ(Meaning(With({{"host.toml", all_tables}})), Meaning(SoundSet()));
}

/// Every key that the language has, said once: nothing is lost on the way to the model.
TEST(Reader, CannotMakeTwoTokensOfOneByTheBlanksThatPadItsLabel) {
  auto checked = CheckSpec(With({{"devices.toml", R"(schema = 2
key.a = { token = "t", object = "o" }
key.b = { token = "t  ", object = "o " }
)"}}));
  ASSERT_TRUE(checked.ok());
  EXPECT_EQ(checked.spec.keys.at("b").token, "t");
  EXPECT_EQ(checked.spec.keys.at("b").object, "o ") << "an object's label has no padding";
}

TEST(Reader, EveryKeyOfALevelReachesTheModel) {
  auto checked = CheckSpec(With({
      {"devices.toml", R"(schema = 2
[key.mail]
token = "Office"
object = "mail"
id = "0a0b"
)"},
      {"levels/mid.toml", R"(schema = 2
title = "Middle"
uuid = "01234567-89ab-cdef-0123-456789abcdef"
label = { rank = 1, compartments = ["hq"] }
colour = "#123456"
icon = "computer"
autostart = true
[image]
name = "desktop"
digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
signed-by = "ours"
boot = "uefi"
secure-boot = true
kernel = "stable"
[resources]
vcpus = 3
memory = "1 GiB"
memory-max = "2 GiB"
cpu-quota = 50
cpu-weight = 200
io-weight = 300
io-read = "1 MiB"
io-write = "2 MiB"
[state]
kind = "ephemeral"
size = "1 GiB"
encryption = "user"
[network]
uplink = "office"
deny = [{ to = "192.0.2.9", until = "2027-01-31T18:00:00Z" }]
ipv4 = "10.1.2.3"
ipv6 = "fd00::3"
dns = ["10.1.2.1"]
bandwidth-out = "10 Mbit/s"
bandwidth-in = "20 Mbit/s"
[devices]
storage = { mode = "manual", write = true, marked-only = true }
sound = "automatic"
microphone = { mode = "ask", time-limit = "10 min" }
camera = { mode = "manual" }
smartcard = "required"
fido = { mode = "manual", relying-parties = ["example.org"] }
printer = { mode = "manual", max-pages = 20, banner = true }
scanner = { mode = "manual", max-pages = 5 }
usb = { mode = "manual", ids = ["1d6b:0104"] }
[display]
3d = true
screens = 2
border = "dashed"
clipboard-out = ["high"]
clipboard-in = ["low"]
[[key]]
key = "mail"
operations = ["sign", "decrypt"]
mechanisms = ["RSA-PKCS-PSS"]
confirm = true
per-minute = 6
[life-cycle]
order = 10
idle-suspend = "1 h"
disposable = true
preload = true
on-crash = "restart"
[updates]
channel = "beta"
window = "22:00-05:30"
health-gate = "90 s"
automatic = true
[applications]
remote = [{ name = "hub", url = "https://hub.example.org/repo/" }]
install = ["org.gnome.Evince"]
override = [{ application = "*", arguments = ["--nofilesystem=home"] }]
[roles]
start = ["user"]
stop = ["admin"]
edit = ["audit"]
)"},
  }));
  ASSERT_TRUE(checked.ok()) << Explain(With({}));
  const Level& l = LevelOf(checked, "mid");
  EXPECT_EQ(l.title, "Middle");
  EXPECT_EQ(l.uuid, "01234567-89ab-cdef-0123-456789abcdef");
  EXPECT_EQ(l.icon, "computer");
  EXPECT_EQ(l.image, "desktop");
  EXPECT_EQ(l.image_policy.digest.size(), 71U);
  EXPECT_EQ(l.image_policy.signed_by, "ours");
  EXPECT_EQ(l.image_policy.boot, BootWay::kUefi);
  EXPECT_TRUE(l.image_policy.secure_boot);
  EXPECT_EQ(l.image_policy.kernel, KernelTrack::kStable);
  EXPECT_EQ(l.memory_mib, 1024U);
  EXPECT_EQ(l.memory_max_mib, 2048U);
  EXPECT_EQ(l.cpu_weight, 200U);
  EXPECT_EQ(l.io_weight, 300U);
  EXPECT_EQ(l.io_read_bytes_per_s, 1U << 20);
  EXPECT_EQ(l.io_write_bytes_per_s, 2U << 20);
  EXPECT_FALSE(l.persistent);
  EXPECT_EQ(l.encryption, Encryption::kUser);
  ASSERT_EQ(l.network.deny.size(), 1U);
  EXPECT_EQ(l.network.deny[0].until_unix_s, 1801418400);
  EXPECT_EQ(l.network.address4->ToString(), "10.1.2.3");
  EXPECT_EQ(l.network.address6->ToString(), "fd00::3");
  EXPECT_EQ(l.network.dns.size(), 1U);
  EXPECT_EQ(l.network.out_bits_per_s, 10'000'000U);
  EXPECT_EQ(l.network.in_bits_per_s, 20'000'000U);
  EXPECT_TRUE(l.Device(DeviceClass::kStorage).marked_only);
  EXPECT_EQ(l.Device(DeviceClass::kSound).mode, GrantMode::kAutomatic);
  EXPECT_EQ(l.Device(DeviceClass::kMicrophone).time_limit_s, 600U);
  EXPECT_EQ(l.Device(DeviceClass::kMicrophone).mode, GrantMode::kAsk);
  EXPECT_EQ(l.Device(DeviceClass::kCamera).time_limit_s, 0U);
  EXPECT_EQ(l.Device(DeviceClass::kSmartcard).mode, GrantMode::kRequired);
  EXPECT_THAT(l.Device(DeviceClass::kFido).relying_parties, ElementsAre("example.org"));
  EXPECT_EQ(l.Device(DeviceClass::kPrinter).max_pages, 20U);
  EXPECT_TRUE(l.Device(DeviceClass::kPrinter).banner);
  EXPECT_EQ(l.Device(DeviceClass::kScanner).max_pages, 5U);
  EXPECT_THAT(l.Device(DeviceClass::kUsb).usb_ids, ElementsAre("1d6b:0104"));
  EXPECT_TRUE(l.display.three_d);
  EXPECT_EQ(l.display.screens, 2U);
  EXPECT_EQ(l.display.border, "dashed");
  EXPECT_THAT(l.display.clipboard_out, ElementsAre("high"));
  EXPECT_THAT(l.display.clipboard_in, ElementsAre("low"));
  ASSERT_EQ(l.keys.size(), 1U);
  EXPECT_THAT(l.keys[0].operations, ElementsAre(KeyOperation::kSign, KeyOperation::kDecrypt));
  EXPECT_TRUE(l.keys[0].confirm);
  EXPECT_EQ(l.keys[0].per_minute, 6U);
  EXPECT_EQ(l.life_cycle.order, 10U);
  EXPECT_EQ(l.life_cycle.idle_suspend_s, 3600U);
  EXPECT_TRUE(l.life_cycle.disposable && l.life_cycle.preload);
  EXPECT_EQ(l.life_cycle.on_crash, OnCrash::kRestart);
  EXPECT_EQ(l.updates.channel, "beta");
  EXPECT_EQ(l.updates.window_start_min, 1320U);
  EXPECT_EQ(l.updates.health_gate_s, 90U);
  EXPECT_EQ(l.applications.remotes.at(0).url, "https://hub.example.org/repo/");
  EXPECT_EQ(l.applications.overrides.at(0).application, "*");
  EXPECT_THAT(l.roles.start, ElementsAre("user"));
  EXPECT_THAT(l.roles.edit, ElementsAre("audit"));
}

}  // namespace
}  // namespace bulkhead::vmspec
