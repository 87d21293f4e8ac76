using System.Buffers.Binary;
using System.Text;

namespace Orchestrator.Runtime.Streams.Spdy;

/// <summary>The text that SPDY/3 header blocks are compressed against (its Adler-32, e3c6a7c2, stands in the zlib header).</summary>
/// <remarks>First come words, each behind its length in four bytes as in a header block; then a text without lengths.</remarks>
internal static class SpdyDictionary
{
    private const string Words =
        "options|head|post|put|delete|trace|accept|accept-charset|accept-encoding|accept-language|accept-ranges|age|allow|" +
        "authorization|cache-control|connection|content-base|content-encoding|content-language|content-length|" +
        "content-location|content-md5|content-range|content-type|date|etag|expect|expires|from|host|if-match|" +
        "if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|location|max-forwards|pragma|" +
        "proxy-authenticate|proxy-authorization|range|referer|retry-after|server|te|trailer|transfer-encoding|upgrade|" +
        "user-agent|vary|via|warning|www-authenticate|method|get|status|200 OK|version|HTTP/1.1|url|public|set-cookie|" +
        "keep-alive|origin";

    private const string Text =
        "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505" +
        "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden" +
        "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable" +
        "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT" +
        "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript," +
        "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

    /// <summary>The 1,423 bytes.</summary>
    public static byte[] Bytes { get; } = Build();

    private static byte[] Build()
    {
        var bytes = new List<byte>();
        Span<byte> length = stackalloc byte[4];
        foreach (string word in Words.Split('|'))
        {
            BinaryPrimitives.WriteInt32BigEndian(length, word.Length);
            bytes.AddRange(length);
            bytes.AddRange(Encoding.ASCII.GetBytes(word));
        }
        bytes.AddRange(Encoding.ASCII.GetBytes(Text));
        return [.. bytes];
    }
}
