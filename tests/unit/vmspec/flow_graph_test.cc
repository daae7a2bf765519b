// SPDX-License-Identifier: GPL-2.0-or-later
/// X2: each field that can carry information makes its edge, and no other.
#include <gtest/gtest.h>

#include "tests/unit/vmspec/flow_sets.h"

namespace bulkhead::vmspec {
namespace {

/// The sentence and the place of every edge, in the graph's order.
std::string Told(const SetMaker& set) {
  std::string out;
  FlowGraph graph = set.Graph();
  for (const FlowEdge& edge : graph.edges()) {
    out += graph.OriginOf(edge).ToString() + ": " + graph.Sentence(edge) + "\n";
  }
  return out;
}

TEST(FlowGraph, IsolatedLevelsHaveNoEdge) {
  FlowGraph graph = HighAndLow().Graph();
  EXPECT_EQ(graph.nodes().size(), 2U);
  EXPECT_TRUE(graph.edges().empty());
  EXPECT_TRUE(graph.Out(0).empty());
}

TEST(FlowGraph, EachKindOfFlowIsAnEdgeOfItsOwn) {
  SetMaker set = HighAndLow();
  set.AddKey("hq");
  set.AddFlow(FlowKind::kTransfer, "low", "high");
  set.AddFlow(FlowKind::kDowngrade, "high", "low").reason = "press releases";
  set.AddSealed("high", "low", "hq");
  set.AddFlow(FlowKind::kDecrypt, "low", "high").decrypt_with = {"hq"};
  set.AddFlow(FlowKind::kDecrypt, "low", "high");
  EXPECT_EQ(Told(set),
            R"(flows.toml:6: flow "f1" downgrades files from "high" to "low": "press releases"
flows.toml:7: flow "f2" carries ciphertext for "hq" from "high" to "low"
flows.toml:5: flow "f0" carries files in clear from "low" to "high"
flows.toml:8: flow "f3" carries files from "low" to "high", opened with "hq"
flows.toml:9: flow "f4" carries files from "low" to "high", opened with any key
)");
}

TEST(FlowGraph, AServiceCarriesBothWays) {
  SetMaker set = HighAndLow();
  set.AddService("low", "high");
  EXPECT_EQ(Told(set),
            R"(networks.toml:3: connections of service "s0" carry information from "high" to "low"
networks.toml:3: connections of service "s0" carry information from "low" to "high"
)");
}

TEST(FlowGraph, AnUplinkWithAnAllowRuleCarriesBothWays) {
  SetMaker set = HighAndLow();
  set.AddUplink("office", 0, "eth0");
  set.Attach("low", "office");
  set.Attach("high", "office", false);
  EXPECT_EQ(Told(set), R"(levels/low.toml:5: "low" may send to uplink "office"
levels/low.toml:5: "low" may receive from uplink "office"
)");
}

TEST(FlowGraph, ARouteJoinsTwoUplinksBothWays) {
  SetMaker set;
  set.AddUplink("a", 0, "eth0").routes_to = {"b"};
  set.AddUplink("b", 0, "eth1");
  EXPECT_EQ(Told(set), R"(networks.toml:2: packets are routed from uplink "a" to uplink "b"
networks.toml:2: packets are routed from uplink "b" to uplink "a"
)");
}

TEST(FlowGraph, TwoUplinksOnOneInterfaceAndVlanAreOneNetwork) {
  SetMaker set;
  set.AddUplink("a", 0, "eth0");
  set.AddUplink("b", 0, "eth0").vlan = 7;
  set.AddUplink("c", 0, "eth0").vlan = 7;
  EXPECT_EQ(
      Told(set),
      R"(networks.toml:5: uplink "b" and uplink "c" are one network: both are interface "eth0", VLAN 7
networks.toml:5: uplink "c" and uplink "b" are one network: both are interface "eth0", VLAN 7
)");
}

TEST(FlowGraph, AnIpsecUplinkIsTheNetworkOfItsGatewayAndNotOfItsInterface) {
  SetMaker set;
  set.AddUplink("net", 0, "eth0");
  for (const char* name : {"hq", "site", "hq2"}) {
    Uplink& uplink = set.AddUplink(name, 2, "eth0");
    uplink.kind = UplinkKind::kIpsec;
    uplink.ipsec.remote = std::string(name) == "site" ? "192.0.2.2" : "192.0.2.1";
  }
  EXPECT_EQ(set.Edges(),
            "same-network uplink \"hq\" -> uplink \"hq2\"; "
            "same-network uplink \"hq2\" -> uplink \"hq\"");
}

/// Whether the two uplinks are one network.
bool AreOneNetwork(const Uplink& one, const Uplink& other) {
  SetMaker set;
  set.spec.uplinks["a"] = one;
  set.spec.uplinks["b"] = other;
  return !set.Edges().empty();
}

TEST(FlowGraph, CannotHideANetworkBehindASecondNameOfItsVlan) {
  auto uplink = [](const std::string& interface, std::uint16_t vlan) {
    Uplink out;
    out.interface = interface;
    out.vlan = vlan;
    return out;
  };
  EXPECT_TRUE(AreOneNetwork(uplink("eth0.7", 0), uplink("eth0", 7)));
  EXPECT_FALSE(AreOneNetwork(uplink("eth0.7", 0), uplink("eth0", 0)));
  EXPECT_FALSE(AreOneNetwork(uplink("eth0.7", 7), uplink("eth0", 7))) << "a tag within a tag";
  EXPECT_FALSE(AreOneNetwork(uplink("eth0.lan", 0), uplink("eth0", 0)));
  EXPECT_FALSE(AreOneNetwork(uplink("eth0.4095", 0), uplink("eth0", 4094)));
}

TEST(FlowGraph, CannotHideAGatewayBehindASecondSpelling) {
  auto tunnel = [](const std::string& remote) {
    Uplink out;
    out.kind = UplinkKind::kIpsec;
    out.ipsec.remote = remote;
    return out;
  };
  EXPECT_TRUE(AreOneNetwork(tunnel("gw.example.org"), tunnel("GW.Example.org")));
  EXPECT_TRUE(AreOneNetwork(tunnel("2001:db8::1"), tunnel("2001:DB8:0:0::1")));
  EXPECT_TRUE(AreOneNetwork(tunnel("192.0.2.1"), tunnel("::ffff:192.0.2.1")));
  EXPECT_FALSE(AreOneNetwork(tunnel("192.0.2.1"), tunnel("192.0.2.2")));
}

TEST(FlowGraph, EachClassOfDeviceTakesAndGivesAsItDoes) {
  struct Case {
    DeviceClass device_class;
    bool write;
    const char* edges;
  };
  const Case cases[] = {
      {DeviceClass::kStorage, false, "device-in any removable medium -> \"a\""},
      {DeviceClass::kStorage, true,
       "device-out \"a\" -> any removable medium; device-in any removable medium -> \"a\""},
      {DeviceClass::kSound, false, "device-out \"a\" -> any sound device"},
      {DeviceClass::kMicrophone, false, "device-in any microphone -> \"a\""},
      {DeviceClass::kCamera, false, "device-in any camera -> \"a\""},
      {DeviceClass::kSmartcard, false, ""},
      {DeviceClass::kFido, false, ""},
      {DeviceClass::kPrinter, false, "device-out \"a\" -> any printer"},
      {DeviceClass::kScanner, false, "device-in any scanner -> \"a\""},
      {DeviceClass::kUsb, false,
       "device-out \"a\" -> any other USB device; device-in any other USB device -> \"a\""},
  };
  for (const Case& c : cases) {
    SetMaker set;
    set.AddLevel("a", 0);
    set.Lend("a", c.device_class, c.write);
    EXPECT_EQ(set.Edges(), c.edges) << NameOf(c.device_class);
  }
}

TEST(FlowGraph, ADeviceKeepsWhatItsClassOrTheSpecSays) {
  SetMaker set;
  set.AddDevice("disk", {DeviceClass::kStorage});
  set.AddDevice("dongle", {DeviceClass::kUsb, DeviceClass::kSound});
  set.AddDevice("laser", {DeviceClass::kPrinter});
  set.AddDevice("office", {DeviceClass::kPrinter}).keeps_data = true;
  FlowGraph graph = set.Graph();
  auto holds = [&](const char* name) {
    return graph.node(*graph.Find(NodeKind::kDevice, name)).holds;
  };
  EXPECT_TRUE(holds("disk"));
  EXPECT_TRUE(holds("dongle"));
  EXPECT_FALSE(holds("laser"));
  EXPECT_TRUE(holds("office"));
}

TEST(FlowGraph, ACompositeDeviceIsTouchedThroughEachClass) {
  SetMaker set;
  set.AddLevel("a", 0);
  set.AddLevel("b", 0);
  set.AddDevice("mfp", {DeviceClass::kPrinter, DeviceClass::kScanner});
  set.Lend("a", DeviceClass::kPrinter);
  set.Lend("b", DeviceClass::kScanner);
  EXPECT_EQ(Told(set), R"(levels/a.toml:4: "a" may print on device "mfp"
levels/a.toml:4: "a" may print on any printer
levels/b.toml:5: "b" may scan with device "mfp"
levels/b.toml:5: "b" may scan with any scanner
)");
}

TEST(FlowGraph, MarkedOnlyStorageTouchesOnlyMediaOfItsLabel) {
  SetMaker set;
  set.AddLevel("a", 1);
  set.Lend("a", DeviceClass::kStorage).marked_only = true;
  set.AddDevice("mine", {DeviceClass::kStorage}).label = Label{1, {}};
  set.AddDevice("other", {DeviceClass::kStorage}).label = Label{2, {}};
  set.AddDevice("plain", {DeviceClass::kStorage});
  EXPECT_EQ(set.Edges(), "device-in device \"mine\" -> \"a\"");
}

TEST(FlowGraph, TokensCarryTheirDataObjectsAndKeysOpen) {
  SetMaker set = HighAndLow();
  set.AddKey("k", "card");
  set.Use("high", "k", {KeyOperation::kWriteData, KeyOperation::kSign});
  set.Use("low", "k", {KeyOperation::kReadData});
  set.Use("high", "k", {KeyOperation::kUnwrap});
  EXPECT_EQ(Told(set), R"(levels/high.toml:7: "high" may open what is sealed for key "k"
levels/high.toml:5: "high" may write data objects of token "card"
levels/low.toml:6: "low" may read data objects of token "card"
)");
}

TEST(FlowGraph, AClipboardNeedsBothSides) {
  SetMaker set = HighAndLow();
  set.spec.levels.at("low").display.clipboard_out = {"high"};
  EXPECT_EQ(set.Edges(), "clipboard-out \"low\" -> the clipboard of \"low\"");
  set.spec.levels.at("high").display.clipboard_in = {"low"};
  EXPECT_EQ(set.Edges(),
            "clipboard-out \"low\" -> the clipboard of \"low\"; "
            "clipboard-in the clipboard of \"low\" -> \"high\"");
}

TEST(FlowGraph, CannotBreakOnNamesThatReferToNothing) {
  SetMaker set = HighAndLow();
  set.AddFlow(FlowKind::kTransfer, "low", "gone");
  set.AddFlow(FlowKind::kTransfer, "low", "low");
  set.AddSealed("low", "high", "nobody");
  set.AddService("gone", "low");
  set.Attach("low", "gone");
  set.Use("low", "gone", {KeyOperation::kDecrypt, KeyOperation::kReadData});
  set.AddUplink("u", 0, "").routes_to = {"gone", "u"};
  set.spec.levels.at("low").display.clipboard_out = {"gone", "low"};
  EXPECT_EQ(set.Edges(),
            "encrypt \"low\" -> \"high\"; clipboard-out \"low\" -> the clipboard of \"low\"");
}

TEST(FlowGraph, FindsANodeAsAPersonNamesIt) {
  SetMaker set = HighAndLow();
  set.AddUplink("low", 0, "eth0");
  set.AddDevice("stick", {DeviceClass::kStorage});
  FlowGraph graph = set.Graph();
  EXPECT_EQ(graph.node(*graph.FindAny("low")).kind, NodeKind::kLevel);
  EXPECT_EQ(graph.node(*graph.FindAny("stick")).kind, NodeKind::kDevice);
  EXPECT_FALSE(graph.FindAny("storage"));
}

// What devices.toml rules out: named devices.

/// Whether "a" may be lent the device "stick" and any other of its class, under one more rule.
std::string Touches(const DeviceRule& rule, const std::string& path = "",
                    DeviceClass device_class = DeviceClass::kStorage) {
  SetMaker set;
  set.AddLevel("a", 0);
  set.AddLevel("b", 0);
  set.Lend("a", device_class);
  KnownDevice& stick = set.AddDevice("stick", {device_class});
  stick.usb_id = "1d6b:0104";
  stick.path = path;
  set.spec.device_rules = {rule};
  std::string out;
  FlowGraph graph = set.Graph();
  for (const FlowEdge& edge : graph.edges()) {
    out += (out.empty() ? "" : " ") + graph.node(edge.from).name;
  }
  return out;
}

DeviceRule Rule(bool deny, const std::string& level, const std::string& device_class) {
  DeviceRule rule;
  rule.deny = deny;
  rule.level = level;
  rule.device_class = device_class;
  return rule;
}

TEST(DeviceTouch, ADenyWithoutConditionsRulesOutAll) {
  EXPECT_EQ(Touches(Rule(true, "a", "storage")), "");
  EXPECT_EQ(Touches(Rule(true, "*", "*")), "");
  EXPECT_EQ(Touches(Rule(true, "b", "storage")), "stick storage");
  EXPECT_EQ(Touches(Rule(true, "a", "sound")), "stick storage");
}

TEST(DeviceTouch, ADenyOfASerialRulesOutThatDeviceAlone) {
  DeviceRule rule = Rule(true, "a", "storage");
  rule.serial = "stick";
  EXPECT_EQ(Touches(rule), "storage");
  rule.serial = "other";
  EXPECT_EQ(Touches(rule), "stick storage");
  rule.serial.clear();
  rule.usb_id = "1d6b:0104";
  EXPECT_EQ(Touches(rule), "storage");
}

TEST(DeviceTouch, CannotRuleOutByADenyThatOnlyMayMatch) {
  auto touches = [](const DeviceRule& rule, const std::string& path) {
    return Touches(rule, path, DeviceClass::kScanner);
  };
  DeviceRule rule = Rule(true, "a", "scanner");
  rule.path = "/dev/sd*";
  EXPECT_EQ(touches(rule, ""), "stick scanner") << "it may come up under another name";
  EXPECT_EQ(touches(rule, "/dev/s*"), "stick scanner") << "so may one that a wider glob tells";
  EXPECT_EQ(touches(rule, "/dev/sdb"), "scanner");
  EXPECT_EQ(touches(rule, "/dev/sd*"), "scanner");
  EXPECT_EQ(touches(rule, "/dev/sd/b"), "stick scanner") << "a star ends at a slash";
  rule.path = "/dev/sd?";
  EXPECT_EQ(touches(rule, "/dev/sd*"), "stick scanner") << "a star is more than one character";
}

TEST(DeviceTouch, CannotRuleOutAMediumByWhereItIsPluggedIn) {
  DeviceRule rule = Rule(true, "a", "storage");
  rule.path = "/dev/sdb";
  EXPECT_EQ(Touches(rule, "/dev/sdb"), "stick storage") << "tomorrow it is /dev/sdc";
  rule.path = "/dev/disk/by-id/x";
  EXPECT_EQ(Touches(rule, "/dev/disk/by-id/x"), "storage") << "this name goes with it";
}

/// "high" writes a stick in one port, and "low" is denied only that port.
TEST(DeviceTouch, CannotCarryAMediumFromOnePortToAnother) {
  SetMaker set = HighAndLow();
  set.Lend("high", DeviceClass::kStorage, true);
  set.Lend("low", DeviceClass::kStorage);
  set.AddDevice("stick", {DeviceClass::kStorage}).path = "/dev/sda";
  DeviceRule& allow = set.AddRule(false, "high", "storage");
  allow.serial = "stick";
  allow.path = "/dev/sda";
  set.AddRule(true, "low", "storage").path = "/dev/sda";
  EXPECT_EQ(set.Violations(), "B0302 high -> low (device-out device-in)");
}

TEST(DeviceTouch, AnAllowNarrowsToWhatItMayMatch) {
  DeviceRule rule = Rule(false, "a", "storage");
  rule.serial = "stick";
  rule.usb_id = "1d6b:0104";
  EXPECT_EQ(Touches(rule), "stick") << "the pool is closed: it names a device that is known";
  rule.serial = "unknown";
  EXPECT_EQ(Touches(rule), "storage");
  rule = Rule(false, "a", "*");
  EXPECT_EQ(Touches(rule), "stick storage");
  rule.path = "/dev/loop*";
  EXPECT_EQ(Touches(rule, "/dev/sdb", DeviceClass::kCamera), "camera");
  EXPECT_EQ(Touches(rule, "/dev/sdb"), "stick storage") << "a medium comes up in any node";
  EXPECT_EQ(Touches(rule, "/dev/disk/by-id/x"), "stick storage") << "a link to any node";
  EXPECT_EQ(Touches(rule), "stick storage");
}

TEST(DeviceTouch, CannotOpenThePoolOfOthersByAnAllowForAllLevels) {
  DeviceRule rule = Rule(false, "*", "storage");
  rule.serial = "stick";
  rule.usb_id = "1d6b:0104";
  EXPECT_EQ(Touches(rule), "stick");
}

TEST(DeviceTouch, ADenyBeatsAnAllow) {
  SetMaker set;
  set.AddLevel("a", 0);
  set.Lend("a", DeviceClass::kStorage);
  set.AddRule(false, "a", "storage");
  set.AddRule(true, "*", "storage");
  EXPECT_EQ(set.Edges(), "");
}

TEST(DeviceTouch, CannotTakeASerialForADeviceThatNeedsMoreToBeKnown) {
  SetMaker set;
  set.AddLevel("a", 0);
  set.Lend("a", DeviceClass::kStorage);
  set.AddDevice("stick", {DeviceClass::kStorage}).usb_id = "1d6b:0104";
  set.AddRule(false, "a", "storage").serial = "stick";
  EXPECT_EQ(set.Edges(),
            "device-in device \"stick\" -> \"a\"; device-in any removable medium -> \"a\"");
}

TEST(DeviceTouch, UsbIdsNarrowNamedUsbDevicesOnly) {
  SetMaker set;
  set.AddLevel("a", 0);
  set.Lend("a", DeviceClass::kUsb).usb_ids = {"1111:1111"};
  set.AddDevice("good", {DeviceClass::kUsb}).usb_id = "1111:1111";
  set.AddDevice("other", {DeviceClass::kUsb}).usb_id = "2222:2222";
  EXPECT_EQ(set.Edges(),
            "device-out \"a\" -> device \"good\"; device-out \"a\" -> any other USB device; "
            "device-in device \"good\" -> \"a\"; device-in any other USB device -> \"a\"");
}

// Which names are one key.

bool Opens(const Key& used, const Key& of_recipient) {
  SetMaker set = HighAndLow();
  set.AddKey("sealed");
  set.AddKey("used");
  set.spec.keys["sealed"] = of_recipient;
  set.spec.keys["used"] = used;
  set.AddSealed("high", "low", "sealed");
  set.Use("low", "used", {KeyOperation::kDecrypt});
  return !set.Violations().empty();
}

TEST(KeyIdentity, CannotHideAKeyBehindASecondName) {
  EXPECT_TRUE(Opens({"used", "t", "o", "", {}}, {"sealed", "t", "o", "", {}}));
  EXPECT_TRUE(Opens({"used", "t", "o", "", {}}, {"sealed", "t", "o", "01", {}}));
  EXPECT_TRUE(Opens({"used", "t", "x", "01", {}}, {"sealed", "t", "o", "01", {}}));
  EXPECT_FALSE(Opens({"used", "t", "o", "02", {}}, {"sealed", "t", "o", "01", {}}));
  EXPECT_FALSE(Opens({"used", "u", "o", "", {}}, {"sealed", "t", "o", "", {}}));
  EXPECT_FALSE(Opens({"used", "t", "x", "", {}}, {"sealed", "t", "o", "", {}}));
}

TEST(KeyIdentity, CannotHideAKeyBehindASecondRecipient) {
  SetMaker set = HighAndLow();
  set.AddKey("k");
  set.spec.recipients["alias"] = {"alias", set.spec.recipients.at("k").certificate, "", {}};
  set.AddSealed("high", "low", "alias");
  set.Use("low", "k", {KeyOperation::kDecrypt});
  EXPECT_EQ(set.Violations(), "B0309 high -> low (encrypt open)");
}

/// "copy" has the certificate of "k", so it is a copy of it; what is sealed for another certificate
/// of "k" is open to it, too.
TEST(KeyIdentity, CannotHideACopyOfAKeyOnAnotherToken) {
  SetMaker set = HighAndLow();
  set.AddKey("k", "t");
  set.AddKey("copy", "u");
  set.spec.recipients.at("copy").certificate = set.spec.recipients.at("k").certificate;
  set.spec.recipients["renewed"] = {"renewed", "sha256:renewed", "k", {}};
  set.AddSealed("high", "low", "renewed");
  set.Use("low", "copy", {KeyOperation::kDecrypt});
  EXPECT_EQ(set.Violations(), "B0309 high -> low (encrypt open)");
}

}  // namespace
}  // namespace bulkhead::vmspec
