using System.Text;

namespace KvStore.Grpc;

/// <summary>Turns the bytes of an <c>:authority</c> into text; of a URL, only into its host and port.</summary>
/// <remarks>
/// <para>Old Go clients (etcdctl 3.4 with <c>--cluster</c>) send a member's whole URL, and grpc-go serves it, for it looks at
/// no authority. Kestrel resets a stream whose authority is no host. Nothing here reads the authority, so dropping the
/// rest of a URL loses nothing; what is no host even then is still reset.</para>
/// <para>The choice of a header's encoding is the one hook that Kestrel has before its check, behind HPACK and frames. It is
/// not asked again while the stream objects of a connection, which Kestrel reuses, see the same authority; only those old
/// clients, whose bytes never equal the text made of them, pay at each request.</para>
/// </remarks>
internal sealed class AuthorityEncoding : Encoding
{
    private static readonly AuthorityEncoding Instance = new();

    /// <summary>A value for Kestrel's <c>RequestHeaderEncodingSelector</c>; all other headers are read as ever.</summary>
    public static Encoding? Select(string headerName) => headerName == ":authority" ? Instance : null;

    public override int GetCharCount(byte[] bytes, int index, int count) => HostAndPort(bytes.AsSpan(index, count)).Length;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
        Latin1.GetChars(HostAndPort(bytes.AsSpan(byteIndex, byteCount)), chars.AsSpan(charIndex));

    public override int GetMaxCharCount(int byteCount) => byteCount;

    public override int GetByteCount(char[] chars, int index, int count) => count;

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetMaxByteCount(int charCount) => charCount;

    // http://127.0.0.1:2379/  ->  127.0.0.1:2379        unix:///run/socket  ->  (empty)        localhost  ->  localhost
    private static ReadOnlySpan<byte> HostAndPort(ReadOnlySpan<byte> authority)
    {
        var scheme = authority.IndexOf("://"u8);
        if (scheme < 0)
            return authority;
        var rest = authority[(scheme + 3)..];
        var path = rest.IndexOf((byte)'/');
        return path < 0 ? rest : rest[..path];
    }
}
