/* Byte order, addresses, and names of numbers of the network code. */
#include <endian.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "rt/fn.h"

/* ------------------------------------------------------------------ byte order */
static int fn_big_endian2(struct rt_call *c)
{
	return rt_ret_long(c, htobe16((uint16_t)c->args[0].n));
}

static int fn_big_endian4(struct rt_call *c)
{
	return rt_ret_long(c, htobe32((uint32_t)c->args[0].n));
}

static int fn_big_endian8(struct rt_call *c)
{
	return rt_ret_long(c, (int64_t)htobe64((uint64_t)c->args[0].n));
}

static int fn_little_endian2(struct rt_call *c)
{
	return rt_ret_long(c, htole16((uint16_t)c->args[0].n));
}

static int fn_little_endian4(struct rt_call *c)
{
	return rt_ret_long(c, htole32((uint32_t)c->args[0].n));
}

static int fn_little_endian8(struct rt_call *c)
{
	return rt_ret_long(c, (int64_t)htole64((uint64_t)c->args[0].n));
}

/* ------------------------------------------------------------------ addresses */

/* IPv4, in the byte order of the network as it lies in memory. */
static int fn_ip_ntop(struct rt_call *c)
{
	uint32_t addr = (uint32_t)c->args[0].n;
	unsigned char b[4];

	memcpy(b, &addr, sizeof(b));
	return rt_retf(c, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
}

/* format_ipaddr(addr, family): for IPv6, addr is where the address lies in the kernel. */
static int fn_format_ipaddr(struct rt_call *c)
{
	switch (c->args[1].n) {
	case AF_INET:
		return fn_ip_ntop(c);
	case AF_INET6:
		return rt_raise(c, "kernel read fault at 0x%llx (addr)",
				(unsigned long long)c->args[0].n);
	default:
		return rt_ret_static(c, "*unknown address family*");
	}
}

/* ------------------------------------------------------------------ names */
struct names {
	const char *const *v;
	int64_t n;
};
#define NAMES(table) {table, (int64_t)(sizeof(table) / sizeof((table)[0]))}

static int name_of(struct rt_call *c, const struct names *t)
{
	int64_t n = c->args[0].n;

	return rt_ret_static(c, n >= 0 && n < t->n && t->v[n] ? t->v[n] : "UNDEF");
}

static int number_of(struct rt_call *c, const struct names *t)
{
	for (int64_t n = 0; n < t->n; n++)
		if (t->v[n] && rt_arg_is(&c->args[0], t->v[n]))
			return rt_ret_long(c, n);
	return rt_ret_long(c, -1);
}

/* Names of the set bits, joined by "|". */
static int flags_of(struct rt_call *c, const struct names *t)
{
	rt_ret_text(c, "", 0);
	for (int64_t i = 0; i < t->n; i++) {
		if (!t->v[i] || !(c->args[0].n >> i & 1))
			continue;
		if (c->ret.len)
			rt_ret_add(c, "|", 1);
		rt_ret_add(c, t->v[i], strlen(t->v[i]));
	}
	return 0;
}

static const char *const family_texts[] = {
	"UNSPEC", "UNIX", "INET", "AX25", "IPX", "APPLETALK", "NETROM", "BRIDGE", "ATMPVC", "X25",
	"INET6", "ROSE", "DECnet", "NETBEUI", "SECURITY", "KEY", "NETLINK", "PACKET", "ASH",
	"ECONET", "ATMSVC", "RDS", "SNA", "IRDA", "PPPOX", "WANPIPE", "LLC", "IB", "MPLS", "CAN",
	"TIPC", "BLUETOOTH", "IUCV", "RXRPC", "ISDN", "PHONET", "IEEE802154", "CAIF", "ALG", "NFC",
	"VSOCK", "KCM", "QIPCRTR", "SMC", "XDP", "MCTP",
};
static const char *const type_texts[] = {
	[SOCK_STREAM] = "STREAM", [SOCK_DGRAM] = "DGRAM", [SOCK_RAW] = "RAW", [SOCK_RDM] = "RDM",
	[SOCK_SEQPACKET] = "SEQPACKET", [SOCK_DCCP] = "DCCP", [SOCK_PACKET] = "PACKET",
};
static const char *const state_texts[] = {
	"FREE", "UNCONNECTED", "CONNECTING", "CONNECTED", "DISCONNECTING",
};
static const char *const protocol_texts[] = {
	[IPPROTO_IP] = "IP", [IPPROTO_ICMP] = "ICMP", [IPPROTO_IGMP] = "IGMP",
	[IPPROTO_IPIP] = "IPIP", [IPPROTO_TCP] = "TCP", [IPPROTO_EGP] = "EGP",
	[IPPROTO_PUP] = "PUP", [IPPROTO_UDP] = "UDP", [IPPROTO_IDP] = "IDP", [IPPROTO_TP] = "TP",
	[IPPROTO_DCCP] = "DCCP", [IPPROTO_IPV6] = "IPV6", [IPPROTO_ROUTING] = "ROUTING",
	[IPPROTO_FRAGMENT] = "FRAGMENT", [IPPROTO_RSVP] = "RSVP", [IPPROTO_GRE] = "GRE",
	[IPPROTO_ESP] = "ESP", [IPPROTO_AH] = "AH", [IPPROTO_ICMPV6] = "ICMPV6",
	[IPPROTO_NONE] = "NONE", [IPPROTO_DSTOPTS] = "DSTOPTS", [IPPROTO_MTP] = "MTP",
	[IPPROTO_BEETPH] = "BEETPH", [IPPROTO_ENCAP] = "ENCAP", [IPPROTO_PIM] = "PIM",
	[IPPROTO_COMP] = "COMP", [IPPROTO_SCTP] = "SCTP", [IPPROTO_MH] = "MH",
	[IPPROTO_UDPLITE] = "UDPLITE", [IPPROTO_MPLS] = "MPLS", [IPPROTO_RAW] = "RAW",
};
static const char *const socket_flag_texts[] = {
	"ASYNC_NOSPACE", "ASYNC_WAITDATA", "NOSPACE", "PASSCRED", "PASSSEC",
};
static const char *const message_flag_texts[] = {
	"OOB", "PEEK", "DONTROUTE", "CTRUNC", "PROBE", "TRUNC", "DONTWAIT", "EOR", "WAITALL", "FIN",
	"SYN", "CONFIRM", "RST", "ERRQUEUE", "NOSIGNAL", "MORE", "WAITFORONE", NULL, "BATCH",
	[26] = "ZEROCOPY", [29] = "FASTOPEN", [30] = "CMSG_CLOEXEC", [31] = "CMSG_COMPAT",
};
static const char *const tcp_state_texts[] = {
	NULL, "TCP_ESTABLISHED", "TCP_SYN_SENT", "TCP_SYN_RECV", "TCP_FIN_WAIT1", "TCP_FIN_WAIT2",
	"TCP_TIME_WAIT", "TCP_CLOSE", "TCP_CLOSE_WAIT", "TCP_LAST_ACK", "TCP_LISTEN",
	"TCP_CLOSING", "TCP_MAX_STATES",
};
static const char *const tcp_option_texts[] = {
	NULL, "TCP_NODELAY", "TCP_MAXSEG", "TCP_CORK", "TCP_KEEPIDLE", "TCP_KEEPINTVL",
	"TCP_KEEPCNT", "TCP_SYNCNT", "TCP_LINGER2", "TCP_DEFER_ACCEPT", "TCP_WINDOW_CLAMP",
	"TCP_INFO", "TCP_QUICKACK", "TCP_CONGESTION", "TCP_MD5SIG", NULL,
	"TCP_THIN_LINEAR_TIMEOUTS", "TCP_THIN_DUPACK", "TCP_USER_TIMEOUT", "TCP_REPAIR",
	"TCP_REPAIR_QUEUE", "TCP_QUEUE_SEQ", "TCP_REPAIR_OPTIONS", "TCP_FASTOPEN", "TCP_TIMESTAMP",
	"TCP_NOTSENT_LOWAT", "TCP_CC_INFO", "TCP_SAVE_SYN", "TCP_SAVED_SYN", "TCP_REPAIR_WINDOW",
	"TCP_FASTOPEN_CONNECT", "TCP_ULP", "TCP_MD5SIG_EXT", "TCP_FASTOPEN_KEY",
	"TCP_FASTOPEN_NO_COOKIE", "TCP_ZEROCOPY_RECEIVE", "TCP_INQ", "TCP_TX_DELAY",
};

static const struct names families = NAMES(family_texts), types = NAMES(type_texts),
			  states = NAMES(state_texts), protocols = NAMES(protocol_texts),
			  socket_flags = NAMES(socket_flag_texts),
			  message_flags = NAMES(message_flag_texts),
			  tcp_states = NAMES(tcp_state_texts),
			  tcp_options = NAMES(tcp_option_texts);

static int fn_sock_fam_num2str(struct rt_call *c)
{
	return name_of(c, &families);
}

static int fn_sock_fam_str2num(struct rt_call *c)
{
	return number_of(c, &families);
}

static int fn_sock_type_num2str(struct rt_call *c)
{
	return name_of(c, &types);
}

static int fn_sock_type_str2num(struct rt_call *c)
{
	return number_of(c, &types);
}

static int fn_sock_state_num2str(struct rt_call *c)
{
	return name_of(c, &states);
}

static int fn_sock_state_str2num(struct rt_call *c)
{
	return number_of(c, &states);
}

static int fn_sock_prot_num2str(struct rt_call *c)
{
	return name_of(c, &protocols);
}

static int fn_sock_prot_str2num(struct rt_call *c)
{
	return number_of(c, &protocols);
}

static int fn_sock_flags_num2str(struct rt_call *c)
{
	return flags_of(c, &socket_flags);
}

static int fn_msg_flags_num2str(struct rt_call *c)
{
	return flags_of(c, &message_flags);
}

static int fn_tcp_sockstate_str(struct rt_call *c)
{
	return name_of(c, &tcp_states);
}

static int fn_tcp_sockopt_str(struct rt_call *c)
{
	return name_of(c, &tcp_options);
}

const struct intrinsic rt_net_fns[] = {
	{"htons", INTR_PURE, 0, fn_big_endian2},
	{"htonl", INTR_PURE, 0, fn_big_endian4},
	{"htonll", INTR_PURE, 0, fn_big_endian8},
	{"ntohs", INTR_PURE, 0, fn_big_endian2},
	{"ntohl", INTR_PURE, 0, fn_big_endian4},
	{"ntohll", INTR_PURE, 0, fn_big_endian8},
	{"big_endian2", INTR_PURE, 0, fn_big_endian2},
	{"big_endian4", INTR_PURE, 0, fn_big_endian4},
	{"big_endian8", INTR_PURE, 0, fn_big_endian8},
	{"little_endian2", INTR_PURE, 0, fn_little_endian2},
	{"little_endian4", INTR_PURE, 0, fn_little_endian4},
	{"little_endian8", INTR_PURE, 0, fn_little_endian8},
	{"ip_ntop", INTR_PURE, 15, fn_ip_ntop},
	{"format_ipaddr", INTR_READS | INTR_FAILS | INTR_CONTEXT, 39, fn_format_ipaddr},
	{"sock_fam_num2str", INTR_PURE, 16, fn_sock_fam_num2str},
	{"sock_fam_str2num", INTR_PURE, 0, fn_sock_fam_str2num},
	{"sock_type_num2str", INTR_PURE, 16, fn_sock_type_num2str},
	{"sock_type_str2num", INTR_PURE, 0, fn_sock_type_str2num},
	{"sock_state_num2str", INTR_PURE, 16, fn_sock_state_num2str},
	{"sock_state_str2num", INTR_PURE, 0, fn_sock_state_str2num},
	{"sock_prot_num2str", INTR_PURE, 16, fn_sock_prot_num2str},
	{"sock_prot_str2num", INTR_PURE, 0, fn_sock_prot_str2num},
	{"sock_flags_num2str", INTR_PURE, 64, fn_sock_flags_num2str},
	{"msg_flags_num2str", INTR_PURE, 0, fn_msg_flags_num2str},
	{"tcp_sockstate_str", INTR_PURE, 16, fn_tcp_sockstate_str},
	{"tcp_sockopt_str", INTR_PURE, 32, fn_tcp_sockopt_str},
	{0},
};

#ifdef TAPIR_TEST
#include <arpa/inet.h>

#include "base/test.h"

TEST(byte_orders)
{
	CHECK_INT(RT_LONG("htons", RT_N(0x51234)), htons(0x1234));
	CHECK_INT(RT_LONG("ntohl", RT_N(INT64_MIN | 0x12345678)), htonl(0x12345678));
	CHECK_INT(RT_LONG("htonl", RT_N(-1)), 0xffffffffll);
	CHECK_INT(RT_LONG("ntohll", RT_N(RT_LONG("htonll", RT_N(INT64_MIN)))), INT64_MIN);
	CHECK_INT(RT_LONG("little_endian2", RT_N(0x51234)), htole16(0x1234));
}

TEST(addresses)
{
	CHECK_STR(RT_TEXT("ip_ntop", RT_N(inet_addr("192.168.10.255"))), "192.168.10.255");
	CHECK_STR(RT_TEXT("ip_ntop", RT_N(-1)), "255.255.255.255");
	CHECK_STR(RT_TEXT("format_ipaddr", RT_N(inet_addr("10.0.0.1")), RT_N(AF_INET)), "10.0.0.1");
	CHECK_STR(RT_TEXT("format_ipaddr", RT_N(1), RT_N(-1)), "*unknown address family*");
}

TEST(socket_names)
{
	CHECK_STR(RT_TEXT("sock_fam_num2str", RT_N(AF_INET6)), "INET6");
	CHECK_STR(RT_TEXT("sock_fam_num2str", RT_N(AF_XDP)), "XDP");
	CHECK_STR(RT_TEXT("sock_fam_num2str", RT_N(AF_VSOCK)), "VSOCK");
	CHECK_INT(RT_LONG("sock_fam_str2num", RT_S("NETLINK")), AF_NETLINK);
	CHECK_INT(RT_LONG("sock_fam_str2num", RT_S("UNIX")), AF_UNIX);
	CHECK_STR(RT_TEXT("sock_type_num2str", RT_N(0)), "UNDEF");
	CHECK_INT(RT_LONG("sock_type_str2num", RT_S("DGRAM")), SOCK_DGRAM);
	CHECK_INT(RT_LONG("sock_prot_str2num", RT_S("nothing")), -1);
	CHECK_STR(RT_TEXT("sock_prot_num2str", RT_N(IPPROTO_TCP)), "TCP");
	CHECK_STR(RT_TEXT("sock_state_num2str", RT_N(INT64_MIN)), "UNDEF");
	CHECK_STR(RT_TEXT("msg_flags_num2str", RT_N(MSG_PEEK | MSG_NOSIGNAL)), "PEEK|NOSIGNAL");
	CHECK_STR(RT_TEXT("msg_flags_num2str", RT_N(MSG_BATCH | MSG_FASTOPEN)), "BATCH|FASTOPEN");
	CHECK_STR(RT_TEXT("tcp_sockstate_str", RT_N(TCP_LISTEN)), "TCP_LISTEN");
	CHECK_STR(RT_TEXT("tcp_sockstate_str", RT_N(13)), "UNDEF");
	CHECK_STR(RT_TEXT("tcp_sockopt_str", RT_N(TCP_TX_DELAY)), "TCP_TX_DELAY");
}
#endif
