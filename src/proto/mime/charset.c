#include "proto/mime/charset.h"

#include <errno.h>
#include <iconv.h>

enum charset_kind { CHARSET_ASCII, CHARSET_UTF8, CHARSET_1252, CHARSET_LATIN9, CHARSET_ICONV };

struct charset {
	struct bytes name; /* capitals and digits alone */
	enum charset_kind kind;
	const char *iconv_name;
};

#define OWN(name, kind) { BYTES_INIT(name), kind, NULL }
#define ICONV(name, iconv_name) { BYTES_INIT(name), CHARSET_ICONV, iconv_name }

/* Where a larger set holds the same characters in the same places, it is taken: that is what senders
   mean who write GB2312, Shift_JIS or EUC-KR. */
static const struct charset charsets[] = {
	OWN("USASCII", CHARSET_ASCII),
	OWN("ASCII", CHARSET_ASCII),
	OWN("ANSIX341968", CHARSET_ASCII),
	OWN("UTF8", CHARSET_UTF8),
	OWN("ISO88591", CHARSET_1252),
	OWN("LATIN1", CHARSET_1252),
	OWN("WINDOWS1252", CHARSET_1252),
	OWN("CP1252", CHARSET_1252),
	OWN("ISO885915", CHARSET_LATIN9),
	OWN("LATIN9", CHARSET_LATIN9),
	ICONV("ISO88592", "ISO-8859-2"),
	ICONV("LATIN2", "ISO-8859-2"),
	ICONV("ISO88593", "ISO-8859-3"),
	ICONV("ISO88594", "ISO-8859-4"),
	ICONV("ISO88595", "ISO-8859-5"),
	ICONV("ISO88596", "ISO-8859-6"),
	ICONV("ISO88597", "ISO-8859-7"),
	ICONV("ISO88598", "ISO-8859-8"),
	ICONV("ISO88598I", "ISO-8859-8"),
	ICONV("ISO88599", "ISO-8859-9"),
	ICONV("ISO885910", "ISO-8859-10"),
	ICONV("ISO885911", "ISO-8859-11"),
	ICONV("ISO885913", "ISO-8859-13"),
	ICONV("ISO885914", "ISO-8859-14"),
	ICONV("ISO885916", "ISO-8859-16"),
	ICONV("WINDOWS874", "CP874"),
	ICONV("TIS620", "CP874"),
	ICONV("WINDOWS1250", "CP1250"),
	ICONV("CP1250", "CP1250"),
	ICONV("WINDOWS1251", "CP1251"),
	ICONV("CP1251", "CP1251"),
	ICONV("WINDOWS1253", "CP1253"),
	ICONV("WINDOWS1254", "CP1254"),
	ICONV("WINDOWS1255", "CP1255"),
	ICONV("WINDOWS1256", "CP1256"),
	ICONV("WINDOWS1257", "CP1257"),
	ICONV("WINDOWS1258", "CP1258"),
	ICONV("KOI8R", "KOI8-R"),
	ICONV("KOI8U", "KOI8-U"),
	ICONV("MACINTOSH", "MACINTOSH"),
	ICONV("GB18030", "GB18030"),
	ICONV("GBK", "GB18030"),
	ICONV("GB2312", "GB18030"),
	ICONV("CP936", "GB18030"),
	ICONV("BIG5", "CP950"),
	ICONV("SHIFTJIS", "CP932"),
	ICONV("SJIS", "CP932"),
	ICONV("WINDOWS31J", "CP932"),
	ICONV("CP932", "CP932"),
	ICONV("ISO2022JP", "ISO-2022-JP"),
	ICONV("EUCJP", "EUC-JP"),
	ICONV("EUCKR", "CP949"),
	ICONV("KSC56011987", "CP949"),
	ICONV("CP949", "CP949"),
	ICONV("UTF16", "UTF-16"),
	ICONV("UTF16LE", "UTF-16LE"),
	ICONV("UTF16BE", "UTF-16BE"),
	ICONV("UTF7", "UTF-7"),
	ICONV("UNICODE11UTF7", "UTF-7"),
};

enum { CHARSETS = sizeof charsets / sizeof *charsets, NAME_MAX_OCTETS = 32 };

/* The converter of each entry once it was opened; names that share one open it twice. */
static struct {
	iconv_t handle;
	bool is_open;
} converters[CHARSETS];

static bool
open_converter(size_t index)
{
	iconv_t handle;

	if (converters[index].is_open)
		return true;
	handle = iconv_open("UTF-8", charsets[index].iconv_name);
	if (handle == (iconv_t)-1)
		return false;
	converters[index].handle = handle;
	converters[index].is_open = true;
	return true;
}

void
mime_charsets_preload(void)
{
	for (size_t i = 0; i < CHARSETS; i++)
		if (charsets[i].kind == CHARSET_ICONV)
			(void)open_converter(i);
}

const struct charset *
charset_find(struct bytes name)
{
	uint8_t plain[NAME_MAX_OCTETS];
	struct buf text;

	buf_init_fixed(&text, plain, sizeof plain);
	for (size_t i = 0; i < name.len && !text.has_failed; i++)
		if (byte_is_class(name.ptr[i], CLASS_ALPHA | CLASS_DIGIT))
			put_char(&text, byte_upper(name.ptr[i]));
	if (text.has_failed)
		return NULL;
	for (size_t i = 0; i < CHARSETS; i++)
		if (bytes_equal(charsets[i].name, buf_bytes(&text)))
			return &charsets[i];
	return NULL;
}

/* 80-9F of windows-1252; the five that it leaves out are the controls of ISO-8859-1. */
static const uint16_t high_1252[32] = {
	0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039,
	0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
	0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178,
};

static uint32_t
character_1252(uint8_t c)
{
	return c < 0xa0 ? high_1252[c - 0x80] : c;
}

static uint32_t
character_latin9(uint8_t c)
{
	switch (c) {
	case 0xa4:
		return 0x20ac;
	case 0xa6:
		return 0x160;
	case 0xa8:
		return 0x161;
	case 0xb4:
		return 0x17d;
	case 0xb8:
		return 0x17e;
	case 0xbc:
		return 0x152;
	case 0xbd:
		return 0x153;
	case 0xbe:
		return 0x178;
	default:
		return c;
	}
}

/* UTF8-2 and UTF8-3 of RFC 3629 4. */
static void
put_character(struct buf *out, uint32_t c)
{
	if (c >= 0x800) {
		put_char(out, (uint8_t)(0xe0 | c >> 12));
		put_char(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
	} else {
		put_char(out, (uint8_t)(0xc0 | c >> 6));
	}
	put_char(out, (uint8_t)(0x80 | (c & 0x3f)));
}

static void
put_single_octets(struct buf *out, enum charset_kind kind, struct bytes in)
{
	while (in.len && !out->has_failed) {
		size_t len = 0;

		while (len < in.len && in.ptr[len] < 0x80)
			len++;
		put_bytes(out, bytes_sub(in, 0, len));
		in = bytes_sub(in, len, in.len);
		if (in.len == 0)
			return;
		put_character(out, kind == CHARSET_LATIN9 ? character_latin9(in.ptr[0]) :
							    character_1252(in.ptr[0]));
		in = bytes_sub(in, 1, in.len);
	}
}

static void
put_converted(struct buf *out, iconv_t handle, struct bytes in)
{
	char chunk[1024], *from = (char *)(uintptr_t)in.ptr;
	size_t left = in.len;

	(void)iconv(handle, NULL, NULL, NULL, NULL);
	while (left && !out->has_failed) {
		char *to = chunk;
		size_t room = sizeof chunk;
		size_t result = iconv(handle, &from, &left, &to, &room);
		int error = result == (size_t)-1 ? errno : 0;

		put_bytes(out, bytes_of(chunk, sizeof chunk - room));
		if (error == 0 || (error == E2BIG && room < sizeof chunk))
			continue;
		put_text(out, "\xef\xbf\xbd");
		if (error != EILSEQ)
			return;
		from++;
		left--;
	}
}

bool
charset_is_utf8(const struct charset *charset, struct bytes in)
{
	return charset->kind == CHARSET_UTF8 ||
		(charset->kind == CHARSET_ASCII && bytes_is_utf8(in));
}

void
put_charset_utf8(struct buf *out, const struct charset *charset, struct bytes in)
{
	size_t index = (size_t)(charset - charsets);

	if (charset_is_utf8(charset, in) ||
		(charset->kind == CHARSET_ICONV && !open_converter(index)))
		put_bytes(out, in);
	else if (charset->kind == CHARSET_ICONV)
		put_converted(out, converters[index].handle, in);
	else
		put_single_octets(out, charset->kind, in);
}
