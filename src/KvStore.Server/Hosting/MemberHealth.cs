using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using KvStore.Server.Configuration;
using KvStore.Server.Http;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Hosting;

/// <summary>The member as its HTTP side sees it.</summary>
internal sealed class MemberHealth(Member member) : IServerHealth
{
    public IReadOnlyList<string> Alarms =>
        [.. member.State.Alarms.Raised.Select(alarm => alarm.Alarm == AlarmType.Nospace ? "NOSPACE" : "CORRUPT").Distinct()];

    public bool HasLeader => member.HasLeader;

    public bool IsLearner => false;

    public string? ClusterVersion => member.HasLeader ? ServerVersion.Cluster : null;

    public async Task<string?> CheckReadAsync(bool serializable, CancellationToken cancellation)
    {
        try
        {
            if (!serializable)
                await member.ReadIndexAsync().WaitAsync(cancellation);
            member.State.Ranges.Read(new RangeRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8("a"), Limit = 1 }).Dispose();
            return null;
        }
        catch (EtcdException refusal)
        {
            return refusal.Error.Text;
        }
    }
}
