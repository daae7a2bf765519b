// SPDX-License-Identifier: GPL-2.0-or-later
/// Every limit of a level at both ends of its range: the document says the number that was meant,
/// and libvirt's schema takes it. That libvirt and QEMU take it too is shown by
/// tests/integration/hypervisor.
#include <gtest/gtest.h>

#include <limits>

#include "hostd/libvirt/domain_xml.h"
#include "hostd/lower/lower.h"
#include "tests/unit/hostd/lower/rich_set.h"
#include "tests/unit/hostd/xml_shape.h"

namespace bulkhead::hostd {
namespace {

constexpr auto kMost64 = std::numeric_limits<std::uint64_t>::max();
constexpr auto kMost32 = std::numeric_limits<std::uint32_t>::max();

Result<std::string> XmlWith(void (*set)(vmspec::Level&)) {
  vmspec::SpecSet spec = RichSet();
  set(spec.levels.at("low"));
  AppliedSpec applied = *NumberAnew(spec);
  const vmspec::Level& level = applied.spec.levels.at("low");
  return BuildDomainXml(LowerDomain({}, applied, level, FactsOfNoStart({}, applied.spec, level)));
}

struct Case {
  const char* what;
  void (*set)(vmspec::Level&);
  std::vector<std::string> has;
  std::vector<std::string> has_not;
};

const Case kCases[] = {
    {"least memory",
     [](auto& l) { l.memory_mib = l.memory_max_mib = 128; },
     {"<memory unit=\"MiB\">128</memory>", "<memballoon model=\"none\"/>"},
     {"currentMemory"}},
    {"most memory",
     [](auto& l) { l.memory_mib = l.memory_max_mib = 1'048'576; },
     {"<memory unit=\"MiB\">1048576</memory>"},
     {"currentMemory"}},
    {"widest balloon",
     [](auto& l) { l.memory_mib = 128, l.memory_max_mib = 1'048'576; },
     {"<memory unit=\"MiB\">1048576</memory>", "<currentMemory unit=\"MiB\">128</currentMemory>",
      "<memballoon model=\"virtio\" autodeflate=\"on\" freePageReporting=\"on\">"},
     {}},
    {"narrowest balloon",
     [](auto& l) { l.memory_mib = 128, l.memory_max_mib = 129; },
     {"<memory unit=\"MiB\">129</memory>"},
     {}},
    {"least quota",
     [](auto& l) { l.cpu_quota_percent = 10, l.vcpus = 1; },
     {"<global_period>100000</global_period>", "<global_quota>10000</global_quota>"},
     {}},
    {"most quota",
     [](auto& l) { l.cpu_quota_percent = 99, l.vcpus = 64; },
     {"<global_quota>6336000</global_quota>"},
     {}},
    {"odd quota",
     [](auto& l) { l.cpu_quota_percent = 33, l.vcpus = 3; },
     {"<global_quota>99000</global_quota>"},
     {}},
    {"no quota",
     [](auto& l) { l.cpu_quota_percent = 100, l.vcpus = 64; },
     {"<vcpu>64</vcpu>"},
     {"global_quota", "global_period"}},
    {"least weight", [](auto& l) { l.cpu_weight = 1; }, {"<shares>1</shares>"}, {}},
    {"most weight", [](auto& l) { l.cpu_weight = 10'000; }, {"<shares>10000</shares>"}, {}},
    {"everybody's weight",
     [](auto& l) { l.cpu_weight = 100, l.cpu_quota_percent = 100; },
     {},
     {"cputune"}},
    {"least disk limits",
     [](auto& l) { l.io_read_bytes_per_s = 1, l.io_write_bytes_per_s = 1; },
     {"<read_bytes_sec>1</read_bytes_sec>", "<write_bytes_sec>1</write_bytes_sec>",
      "<group_name>level</group_name>"},
     {}},
    {"a disk limit past 32 bits",
     [](auto& l) { l.io_read_bytes_per_s = 1ULL << 32, l.io_write_bytes_per_s = 0; },
     {"<read_bytes_sec>4294967296</read_bytes_sec>", "<write_bytes_sec>0</write_bytes_sec>"},
     {}},
    {"most disk limits",
     [](auto& l) { l.io_read_bytes_per_s = kMost64, l.io_write_bytes_per_s = kMaxIoBytesPerS + 1; },
     {"<read_bytes_sec>1000000000000000</read_bytes_sec>",
      "<write_bytes_sec>1000000000000000</write_bytes_sec>"},
     {}},
    {"no disk limits",
     [](auto& l) { l.io_read_bytes_per_s = l.io_write_bytes_per_s = 0; },
     {},
     {"iotune"}},
};

TEST(Limits, AreWrittenAsTheyWereMeantAtBothEndsOfTheirRanges) {
  for (const Case& c : kCases) {
    auto xml = XmlWith(c.set);
    ASSERT_TRUE(xml) << c.what << ": " << xml.error().message;
    EXPECT_EQ("", SchemaFault(*xml)) << c.what;
    for (const std::string& text : c.has) EXPECT_NE(std::string::npos, xml->find(text)) << text;
    for (const std::string& text : c.has_not) {
      EXPECT_EQ(std::string::npos, xml->find(text)) << c.what << ": " << text;
    }
  }
}

TEST(Limits, CannotBePastTheEndsOfTheirRanges) {
  for (void (*set)(vmspec::Level&) :
       {+[](vmspec::Level& l) { l.memory_max_mib = l.memory_mib - 1; },
        +[](vmspec::Level& l) { l.memory_max_mib = 1'048'577; },
        +[](vmspec::Level& l) { l.memory_mib = l.memory_max_mib = kMost32; },
        +[](vmspec::Level& l) { l.cpu_weight = 0; },
        +[](vmspec::Level& l) { l.cpu_weight = 10'001; },
        +[](vmspec::Level& l) { l.cpu_weight = kMost32; },
        +[](vmspec::Level& l) { l.cpu_quota_percent = 0; },
        +[](vmspec::Level& l) { l.cpu_quota_percent = 101; },
        +[](vmspec::Level& l) { l.vcpus = 0; }, +[](vmspec::Level& l) { l.vcpus = 65; },
        +[](vmspec::Level& l) { l.vcpus = kMost32; }}) {
    auto xml = XmlWith(set);
    ASSERT_FALSE(xml);
    EXPECT_EQ(ErrorCode::kInvalid, xml.error().code);
  }
}

}  // namespace
}  // namespace bulkhead::hostd
