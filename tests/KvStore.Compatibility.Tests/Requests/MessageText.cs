using System.Collections;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace KvStore.Compatibility.Tests.Requests;

/// <summary>A message as one line of text in which what two equal servers may say differently is left out.</summary>
/// <remarks><c>{ header { cluster_id: set revision: 3 } kvs { key: "a" } count: 1 }</c>: a set field with presence is written
/// even where it is zero, a field without presence only where it is not.</remarks>
internal static class MessageText
{
    private const int MaxBytesShown = 80;

    /// <summary>Whether they are there is compared, what they are is not.</summary>
    private static readonly HashSet<string> ValuesOfTheServer =
    [
        "etcdserverpb.ResponseHeader.cluster_id",
        "etcdserverpb.ResponseHeader.member_id",
        "etcdserverpb.ResponseHeader.raft_term",
        "etcdserverpb.AlarmMember.memberID",
        "etcdserverpb.Member.ID",
        "etcdserverpb.Member.peerURLs",
        "etcdserverpb.Member.clientURLs",
        "etcdserverpb.StatusResponse.version",
        "etcdserverpb.StatusResponse.dbSize",
        "etcdserverpb.StatusResponse.dbSizeInUse",
        "etcdserverpb.StatusResponse.leader",
        "etcdserverpb.StatusResponse.raftIndex",
        "etcdserverpb.StatusResponse.raftAppliedIndex",
        "etcdserverpb.StatusResponse.raftTerm",
        "etcdserverpb.HashResponse.hash",
        "etcdserverpb.HashKVResponse.hash",
    ];

    /// <summary>The fields that 3.5 does not know: a test of their own looks at ours.</summary>
    private static readonly HashSet<string> Since36 =
    [
        "etcdserverpb.HashKVResponse.hash_revision",
        "etcdserverpb.StatusResponse.storageVersion",
        "etcdserverpb.StatusResponse.dbSizeQuota",
        "etcdserverpb.StatusResponse.downgradeInfo",
    ];

    /// <summary>A running clock.</summary>
    private const string RemainingTtl = "etcdserverpb.LeaseTimeToLiveResponse.TTL";

    /// <summary>In no order at etcd.</summary>
    private const string LeaseKeys = "etcdserverpb.LeaseTimeToLiveResponse.keys";

    public static string Of(IMessage message)
    {
        var text = new StringBuilder();
        Write(text, message);
        return text.ToString();
    }

    private static void Write(StringBuilder text, IMessage message)
    {
        text.Append("{ ");
        foreach (var field in message.Descriptor.Fields.InFieldNumberOrder())
        {
            if (Since36.Contains(field.FullName))
                continue;
            if (field.FullName == LeaseKeys)
                WriteAll(text, field, ((IEnumerable<ByteString>)field.Accessor.GetValue(message)).OrderBy(key => key.ToStringUtf8()));
            else if (field.IsRepeated)
                WriteAll(text, field, (IEnumerable)field.Accessor.GetValue(message));
            else if (field.HasPresence ? field.Accessor.HasValue(message) : !IsZero(field.Accessor.GetValue(message)))
                Write(text, field, field.Accessor.GetValue(message));
        }
        text.Append('}');
    }

    private static void WriteAll(StringBuilder text, FieldDescriptor field, IEnumerable values)
    {
        foreach (object? value in values)
            Write(text, field, value!);
    }

    private static void Write(StringBuilder text, FieldDescriptor field, object value)
    {
        text.Append(field.Name).Append(value is IMessage ? " " : ": ");
        if (ValuesOfTheServer.Contains(field.FullName))
            text.Append("set");
        else if (field.FullName == RemainingTtl && (long)value > 0)
            text.Append("running");
        else
            WriteValue(text, value);
        text.Append(' ');
    }

    private static void WriteValue(StringBuilder text, object value)
    {
        switch (value)
        {
            case IMessage message: Write(text, message); break;
            case ByteString bytes: text.Append(Quote(bytes.Span)); break;
            case string characters: text.Append(Quote(Encoding.UTF8.GetBytes(characters))); break;
            default: text.Append(Convert.ToString(value, CultureInfo.InvariantCulture)); break;
        }
    }

    private static bool IsZero(object value) => value switch
    {
        string text => text.Length == 0,
        ByteString bytes => bytes.IsEmpty,
        bool isTrue => !isTrue,
        ulong number => number == 0,
        _ => Convert.ToInt64(value, CultureInfo.InvariantCulture) == 0,
    };

    private static string Quote(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxBytesShown)
            return $"<{bytes.Length} bytes, SHA-256 {Convert.ToHexStringLower(SHA256.HashData(bytes))[..12]}>";
        var text = new StringBuilder("\"");
        foreach (byte value in bytes)
        {
            if (value is >= 0x20 and < 0x7f and not (byte)'"' and not (byte)'\\')
                text.Append((char)value);
            else
                text.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}");
        }
        return text.Append('"').ToString();
    }
}
