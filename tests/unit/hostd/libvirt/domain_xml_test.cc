// SPDX-License-Identifier: GPL-2.0-or-later
/// Domain XML against golden files and libvirt's own schema, and hostile values against its writer.
/// BULKHEAD_GOLDEN names the folder; BULKHEAD_UPDATE_GOLDEN=1 writes the files anew.
#include "hostd/libvirt/domain_xml.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "hostd/libvirt/domain_reader.h"
#include "hostd/libvirt/medium_xml.h"
#include "hostd/libvirt/tsc.h"
#include "tests/unit/hostd/xml_shape.h"

namespace bulkhead::hostd {
namespace {

DomainSpec Low() {
  DomainSpec s;
  s.level = "low";
  s.index = 1;
  s.title = "Internet";
  s.vcpus = 2;
  s.memory_mib = 512;
  s.kernel = "/var/lib/bulkhead/levels/low/vmlinuz";
  s.initrd = "/var/lib/bulkhead/levels/low/initrd.img";
  s.cmdline = "console=hvc0 root=/dev/vda";
  s.root.path = "/var/lib/bulkhead/images/minimal/root.erofs";
  s.console_socket = "/run/bulkhead/channels/low/console/sock";
  s.channels = {{"org.bulkhead.control", "/run/bulkhead/channels/low/control/sock"},
                {"org.bulkhead.out.up", "/run/bulkhead/channels/low/out.up/sock"}};
  s.image_version = "minimal-0123abcd";
  s.created_unix_s = 1'700'000'000;
  return s;
}

DomainSpec Full() {
  DomainSpec s = Low();
  s.uuid = "11111111-2222-3333-4444-555555555555";
  s.accel = Acceleration::kKvm;
  s.cpu_quota_percent = 50;
  s.root.fd = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  s.state = DiskImage{"/var/lib/bulkhead/levels/low/state.raw",
                      UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC))};
  s.network = NetworkInterface{"bh-low", "52:54:00:12:34:56"};
  return s;
}

std::string Golden(const std::string& name, const std::string& now) {
  std::string path = std::string(std::getenv("BULKHEAD_GOLDEN")) + "/" + name;
  if (std::getenv("BULKHEAD_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << now;
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(DomainXml, OfASmallLevelIsAsReviewed) {
  auto xml = BuildDomainXml(Low());
  ASSERT_TRUE(xml) << xml.error().message;
  EXPECT_EQ(*xml, Golden("domain_low.xml", *xml));
  EXPECT_EQ(SchemaFault(*xml), "");
}

TEST(DomainXml, OfAFullLevelIsAsReviewed) {
  auto xml = BuildDomainXml(Full());
  ASSERT_TRUE(xml) << xml.error().message;
  EXPECT_EQ(*xml, Golden("domain_full.xml", *xml));
  EXPECT_EQ(SchemaFault(*xml), "");
}

TEST(DomainXml, SchemaCheckFindsAFault) {
  auto xml = *BuildDomainXml(Low());
  xml.replace(xml.find("<vcpu>"), 6, "<vcpu wrong='1'>");
  EXPECT_NE(SchemaFault(xml), "");
}

TEST(DomainXml, I9NamesNoDeviceThatIsNotVirtio) {
  auto xml = *BuildDomainXml(Full());
  for (const char* word :
       {"<graphics", "<video", "<sound", "<input", "<hostdev", "<serial type", "<tpm", "<redirdev",
        "sata", "ide", "'scsi'", "cdrom", "e1000", "rtl8139", "pcie-to-pci"}) {
    EXPECT_EQ(xml.find(word), std::string::npos) << word;
  }
}

TEST(DomainXml, TellsATcgGuestItsClockRateAndAKvmGuestNothing) {
  DomainSpec s = Low();
  s.tsc_khz = 2'400'000;
  EXPECT_NE(BuildDomainXml(s)->find("root=/dev/vda tsc_early_khz=2400000<"), std::string::npos);
  s.accel = Acceleration::kKvm;
  EXPECT_EQ(BuildDomainXml(s)->find("tsc_early_khz"), std::string::npos);
}

TEST(HostTsc, IsMeasuredAndStaysTheSame) {
  std::uint32_t khz = HostTscKhz();
  EXPECT_GT(khz, 500'000u);
  EXPECT_LT(khz, 10'000'000u);
  EXPECT_EQ(HostTscKhz(), khz);
}

TEST(DomainXml, CannotBeBrokenOutOfByATitle) {
  for (std::string title : {"]]><evil/>", "\"'><devices/>", "</title><on_crash>restart</on_crash>",
                            "&amp;&lt;&#10;", "<!-- ", "<![CDATA[x]]>", "%entity;",
                            "\xE2\x80\xAE"
                            "rtl",
                            "a\\b"}) {
    DomainSpec s = Low();
    s.title = title;
    auto xml = BuildDomainXml(s);
    ASSERT_TRUE(xml) << title;
    EXPECT_EQ(SchemaFault(*xml), "") << title;
    auto* doc = xmlReadMemory(xml->data(), static_cast<int>(xml->size()), "x", nullptr, 0);
    ASSERT_NE(doc, nullptr) << title;
    int elements = 0;
    std::string read;
    for (auto* c = xmlDocGetRootElement(doc)->children; c != nullptr; c = c->next) {
      if (c->type != XML_ELEMENT_NODE) continue;
      ++elements;
      if (std::string(reinterpret_cast<const char*>(c->name)) != "title") continue;
      auto* text = xmlNodeGetContent(c);
      read = reinterpret_cast<char*>(text);
      xmlFree(text);
    }
    xmlFreeDoc(doc);
    EXPECT_EQ(read, title);
    EXPECT_EQ(elements, 15) << title;
  }
}

TEST(DomainXml, CannotHoldWhatXmlCannot) {
  for (std::string title :
       {std::string("a\nb"), std::string("\x01"), std::string("a\0b", 3), std::string("\x7f"),
        std::string("\xff\xfe"), std::string("\xC0\x80"), std::string("\xEF\xBF\xBE"),
        std::string("\xED\xA0\x80"), std::string(300, 'x')}) {
    DomainSpec s = Low();
    s.title = title;
    auto xml = BuildDomainXml(s);
    ASSERT_FALSE(xml) << title;
    EXPECT_EQ(xml.error().code, ErrorCode::kInvalid);
    EXPECT_NE(xml.error().message.find("title"), std::string::npos);
  }
}

struct Bad {
  const char* field;
  void (*spoil)(DomainSpec&);
};
constexpr Bad kBad[] = {
    {"level", [](DomainSpec& s) { s.level = "low,debug-threads=off"; }},
    {"level", [](DomainSpec& s) { s.level = ""; }},
    {"level", [](DomainSpec& s) { s.level = "../low"; }},
    {"index", [](DomainSpec& s) { s.index = 0; }},
    {"index", [](DomainSpec& s) { s.index = 4096; }},
    {"uuid", [](DomainSpec& s) { s.uuid = "11111111-2222-3333-4444-55555555555g"; }},
    {"vcpus", [](DomainSpec& s) { s.vcpus = 0; }},
    {"memory", [](DomainSpec& s) { s.memory_mib = 63; }},
    {"cpu quota", [](DomainSpec& s) { s.cpu_quota_percent = 101; }},
    {"cpu weight", [](DomainSpec& s) { s.cpu_weight = 0; }},
    {"cpu weight", [](DomainSpec& s) { s.cpu_weight = 10'001; }},
    {"most memory", [](DomainSpec& s) { s.memory_max_mib = s.memory_mib - 1; }},
    {"disk limit", [](DomainSpec& s) { s.io_read_bytes_per_s = kMaxIoBytesPerS + 1; }},
    {"icon", [](DomainSpec& s) { s.icon = "a b"; }},
    {"icon", [](DomainSpec& s) { s.icon = std::string(65, 'a'); }},
    {"hot-plug", [](DomainSpec& s) { s.hotplug_ports = 17; }},
    {"kernel", [](DomainSpec& s) { s.kernel = "vmlinuz"; }},
    {"initrd", [](DomainSpec& s) { s.initrd = "/a\nb"; }},
    {"command line", [](DomainSpec& s) { s.cmdline = std::string(2048, 'a'); }},
    {"root image", [](DomainSpec& s) { s.root.path = ""; }},
    {"root image", [](DomainSpec& s) { s.root.path = "/"; }},
    {"state disk", [](DomainSpec& s) { s.state->path = "state.raw"; }},
    {"tap", [](DomainSpec& s) { s.network->tap = "a,script=/bin/x"; }},
    {"mac", [](DomainSpec& s) { s.network->mac = "52:54:00:12:34"; }},
    {"mac", [](DomainSpec& s) { s.network->mac = "53:54:00:12:34:56"; }},
    {"console socket", [](DomainSpec& s) { s.console_socket = "/" + std::string(107, 'a'); }},
    {"port", [](DomainSpec& s) { s.channels[0].port = "a'b"; }},
    {"twice", [](DomainSpec& s) { s.channels[1].port = s.channels[0].port; }},
    {"twice", [](DomainSpec& s) { s.channels[1].socket_path = s.console_socket; }},
    {"image version", [](DomainSpec& s) { s.image_version = "\x1b[0m"; }},
};

TEST(DomainXml, CannotBeMadeFromAFieldOutOfItsRange) {
  for (const Bad& bad : kBad) {
    DomainSpec s = Full();
    bad.spoil(s);
    auto xml = BuildDomainXml(s);
    ASSERT_FALSE(xml) << bad.field;
    EXPECT_EQ(xml.error().code, ErrorCode::kInvalid);
    EXPECT_NE(xml.error().message.find(bad.field), std::string::npos) << xml.error().message;
  }
}

TEST(DomainXml, AsksForTheDescriptorOfADiskThatIsStillToBeOpened) {
  DomainSpec s = Low();
  s.root.by_descriptor = true;
  EXPECT_NE(BuildDomainXml(s)->find("fdgroup=\"root\""), std::string::npos);
  s.root.by_descriptor = false;
  EXPECT_EQ(BuildDomainXml(s)->find("fdgroup"), std::string::npos);
}

TEST(DomainXml, HoldsTheLongestSocketPath) {
  DomainSpec s = Low();
  s.console_socket = "/" + std::string(106, 'a');
  EXPECT_TRUE(BuildDomainXml(s));
}

TEST(DomainReader, ReadsBackWhatWasWritten) {
  auto facts = ReadDomain(*BuildDomainXml(Full()));
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->level, "low");
  EXPECT_EQ(facts->index, 1u);
  EXPECT_EQ(facts->image_version, "minimal-0123abcd");
  EXPECT_EQ(facts->created_unix_s, 1'700'000'000);
  EXPECT_EQ(facts->target_names, (std::set<std::string>{"vda", "vdb"}));
  EXPECT_TRUE(facts->media.empty());
}

TEST(DomainReader, CannotTakeForeignDomainsForOurs) {
  std::string ours = *BuildDomainXml(Low());
  auto with = [&](const std::string& from, const std::string& to) {
    std::string xml = ours;
    xml.replace(xml.find(from), from.size(), to);
    return ReadDomain(xml).has_value();
  };
  EXPECT_TRUE(with("Internet", "Other"));
  EXPECT_FALSE(with(kMetadataUri, "urn:other"));
  EXPECT_FALSE(with("name=\"low\"", "name=\"high\""));
  EXPECT_FALSE(with("index=\"1\"", "index=\"4096\""));
  EXPECT_FALSE(with("index=\"1\"", "index=\"1x\""));
  EXPECT_FALSE(with("index=\"1\"", "indexx=\"1\""));
  EXPECT_FALSE(with("<name>bulkhead-low", "<name>bulkhead-high"));
  EXPECT_FALSE(ReadDomain(""));
  EXPECT_FALSE(ReadDomain("<domain>"));
  EXPECT_FALSE(ReadDomain("<domain/>"));
}

MediumSpec Medium(const std::string& id) { return {id, "/dev/loop0", {}, false, 0}; }

TEST(MediumXml, IsAsReviewed) {
  auto xml = BuildMediumXml(Medium("loop0"), {"vda", "vdb", "vdc"});
  ASSERT_TRUE(xml);
  EXPECT_EQ(*xml, Golden("medium_loop0.xml", *xml));
}

TEST(MediumXml, IsReadOnlyUnlessSaidOtherwise) {
  MediumSpec m = Medium("loop0");
  EXPECT_NE(BuildMediumXml(m, {})->find("<readonly/>"), std::string::npos);
  m.writable = true;
  EXPECT_EQ(BuildMediumXml(m, {})->find("<readonly/>"), std::string::npos);
}

TEST(MediumXml, NamesAnyDeviceIdByOneAlias) {
  for (std::string id : {"loop0", "usb-1-4.2-SERIAL", "a_b", "_5f", "\xC3\xA9", "a b'\"<>"}) {
    std::string alias = MediumAlias(id);
    EXPECT_EQ(
        alias.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"),
        std::string::npos);
    EXPECT_EQ(DeviceOfAlias(alias), id);
  }
  for (const char* other : {"ua-medium-", "virtio-disk0", "ua-medium-_", "ua-medium-_5",
                            "ua-medium-_zz", "ua-medium-_41", "ua-medium-a.b", ""}) {
    EXPECT_FALSE(DeviceOfAlias(other)) << other;
  }
}

TEST(MediumXml, CannotNameAPathOutsideDev) {
  for (const char* path : {"/etc/shadow", "/dev/../etc/shadow", "loop0", "/dev/a\nb"}) {
    MediumSpec m = Medium("loop0");
    m.path = path;
    EXPECT_FALSE(BuildMediumXml(m, {})) << path;
  }
  EXPECT_FALSE(BuildMediumXml(Medium(""), {}));
  EXPECT_FALSE(BuildMediumXml(Medium(std::string(65, 'a')), {}));
  EXPECT_FALSE(BuildMediumXml(Medium("a\x1b"), {}));
}

TEST(MediumXml, SaysWhenEveryNameIsTaken) {
  std::set<std::string> taken;
  for (char c = 'a'; c <= 'z'; ++c) taken.insert(std::string("vd") + c);
  auto xml = BuildMediumXml(Medium("loop0"), taken);
  ASSERT_FALSE(xml);
  EXPECT_EQ(xml.error().code, ErrorCode::kLimit);
}

}  // namespace
}  // namespace bulkhead::hostd
