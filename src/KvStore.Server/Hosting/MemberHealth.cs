using KvStore.Mvcc.Errors;
using KvStore.Protocol;
using KvStore.Server.Configuration;
using KvStore.Server.Http;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Hosting;

/// <summary>The member as its HTTP side sees it.</summary>
internal sealed class MemberHealth(Member member) : IServerHealth
{
    private static readonly RangeRequest Probe = new() { Key = Google.Protobuf.ByteString.CopyFromUtf8("a"), Limit = 1 };

    public IReadOnlyList<string> Alarms =>
        [.. member.State.Alarms.Raised.Select(alarm => alarm.Alarm == AlarmType.Nospace ? "NOSPACE" : "CORRUPT").Distinct()];

    public bool HasLeader => member.HasLeader;

    public bool IsLearner => member.IsLearner;

    public string? ClusterVersion => member.HasLeader ? ServerVersion.Cluster : null;

    public async Task<string?> CheckReadAsync(bool serializable, CancellationToken cancellation)
    {
        try
        {
            if (!serializable)
                await member.ReadIndexAsync().WaitAsync(cancellation);
            member.Read(Probe, static (state, probe) => state.Ranges.Read(probe)).Dispose();
            return null;
        }
        catch (EtcdException refusal)
        {
            return refusal.Error.Text;
        }
    }
}
