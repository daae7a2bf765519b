// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/nft_fields.h"

#include <linux/netfilter/nf_tables.h>

#include <cstdlib>

namespace bulkhead::netpolicy {

namespace {

constexpr FieldPlace Meta(std::uint32_t key, std::uint32_t bytes) {
  return {FieldPlace::Kind::kMeta, key, 0, bytes};
}
constexpr FieldPlace Conntrack(std::uint32_t key, std::uint32_t bytes) {
  return {FieldPlace::Kind::kConntrack, key, 0, bytes};
}
constexpr FieldPlace Link(std::uint32_t offset, std::uint32_t bytes) {
  return {FieldPlace::Kind::kPayload, NFT_PAYLOAD_LL_HEADER, offset, bytes};
}
constexpr FieldPlace Network(std::uint32_t offset, std::uint32_t bytes) {
  return {FieldPlace::Kind::kPayload, NFT_PAYLOAD_NETWORK_HEADER, offset, bytes};
}
constexpr FieldPlace Transport(std::uint32_t offset, std::uint32_t bytes) {
  return {FieldPlace::Kind::kPayload, NFT_PAYLOAD_TRANSPORT_HEADER, offset, bytes};
}

}  // namespace

FieldPlace PlaceOf(Field field) {
  switch (field) {
    case Field::kInputInterface:
      return Meta(NFT_META_IIFNAME, 16);
    case Field::kOutputInterface:
      return Meta(NFT_META_OIFNAME, 16);
    case Field::kFamily:
      return Meta(NFT_META_NFPROTO, 1);
    case Field::kTransport:
      return Meta(NFT_META_L4PROTO, 1);
    case Field::kEtherType:
      return Meta(NFT_META_PROTOCOL, 2);
    case Field::kConnState:
      return Conntrack(NFT_CT_STATE, 4);
    case Field::kConnDirection:
      return Conntrack(NFT_CT_DIRECTION, 1);
    case Field::kEtherSource:
      return Link(6, 6);
    case Field::kArpForm:
      return Network(0, 6);
    case Field::kArpSenderMac:
      return Network(8, 6);
    case Field::kArpSenderIp:
      return Network(14, 4);
    case Field::kIp4Source:
      return Network(12, 4);
    case Field::kIp4Destination:
      return Network(16, 4);
    case Field::kIp6HopLimit:
      return Network(7, 1);
    case Field::kIp6Source:
      return Network(8, 16);
    case Field::kIp6Destination:
      return Network(24, 16);
    case Field::kIcmpType:
    case Field::kIcmp6Type:
      return Transport(0, 1);
    case Field::kDestinationPort:
      return Transport(2, 2);
    case Field::kNdTarget:
      return Transport(8, 16);
  }
  std::abort();
}

}  // namespace bulkhead::netpolicy
