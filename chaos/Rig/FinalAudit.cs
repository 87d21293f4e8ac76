using System.Diagnostics;
using KvStore.Chaos.History;
using KvStore.Chaos.Traffic;
using KvStore.Grpc;
using KvStore.Protocol;

namespace KvStore.Chaos.Rig;

/// <summary>The end of a run: all members hold the same, and each starts again unattended and still does.</summary>
internal sealed class FinalAudit(ClusterRig rig, Observer observer)
{
    private static readonly TimeSpan AgreementLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private long _revision;

    private Recorder Recorder => rig.Recorder;

    /// <returns>What must not be, in words.</returns>
    public async Task<IReadOnlyList<string>> RunAsync(CancellationToken cancellationToken)
    {
        var problems = new List<string>();
        Recorder.Note("final audit");
        await CompareAsync("at the end", problems, cancellationToken);
        foreach (var member in rig.Members)
        {
            await member.TerminateAsync();
            await member.StartAsync();
            if (await RevisionWhenReadyAsync(member, cancellationToken) is null || !await IsSeenReadyAsync(member, cancellationToken))
                problems.Add($"{member.Name} did not come back within {AgreementLimit.TotalSeconds} s after a restart");
        }
        await CompareAsync("after each was started again", problems, cancellationToken);
        return problems;
    }

    private async Task CompareAsync(string when, List<string> problems, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            // Everything is quiet by now; still, the comparisons are at one revision that all have reached.
            var revisions = new List<long>();
            foreach (var member in rig.Members)
                revisions.Add(await RevisionWhenReadyAsync(member, cancellationToken) ?? -1);
            if (revisions.All(revision => revision > 0))
            {
                if (_revision == 0)
                    _revision = revisions.Min();
                var hashes = await HashAsync(_revision, cancellationToken);
                if (hashes.All(hash => hash.Response is not null))
                {
                    Judge(hashes, when, problems);
                    return;
                }
            }
            if (Stopwatch.GetElapsedTime(start) > AgreementLimit)
            {
                problems.Add($"the members could not be compared {when}: revisions {string.Join(' ', revisions)}");
                return;
            }
            await Task.Delay(Pause, cancellationToken);
        }
    }

    // The record says so too, for those who read it later.
    private async Task<bool> IsSeenReadyAsync(RigMember member, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        while (!observer.IsReady(member))
        {
            if (Stopwatch.GetElapsedTime(start) > AgreementLimit)
                return false;
            await Task.Delay(Pause, cancellationToken);
        }
        return true;
    }

    private void Judge(IReadOnlyList<MemberHash> hashes, string when, List<string> problems)
    {
        foreach (var hash in hashes)
            Recorder.Write(new HistoryRecord { MemberHash = hash });
        // Members that compacted to different revisions hash different things; then there is nothing to compare.
        foreach (var group in hashes.GroupBy(hash => hash.Response.CompactRevision))
        {
            if (group.Select(hash => hash.Response.Hash).Distinct().Count() == 1)
                continue;
            string each = string.Join(", ", group.Select(hash => $"{hash.Member} {hash.Response.Hash:x8}"));
            problems.Add($"different hashes at revision {hashes[0].Revision} {when}: {each}");
        }
    }

    private async Task<IReadOnlyList<MemberHash>> HashAsync(long revision, CancellationToken cancellationToken)
    {
        var hashes = new List<MemberHash>();
        foreach (var member in rig.Members)
        {
            var hash = new MemberHash { Member = member.Name, Revision = revision };
            var (response, error) = await AskAsync(member, Rpcs.HashKV, new HashKVRequest { Revision = revision }, cancellationToken);
            hash.At = Recorder.Now;
            hash.Response = response;
            hash.ErrorText = error;
            hashes.Add(hash);
        }
        return hashes;
    }

    private static async Task<long?> RevisionWhenReadyAsync(RigMember member, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < AgreementLimit)
        {
            // A linearizable read: it has applied all that was acknowledged before.
            var (response, _) = await AskAsync(member, Rpcs.Range.Method, Requests.Get("audit"), cancellationToken);
            if (response is not null)
                return response.Header.Revision;
            await Task.Delay(Pause, cancellationToken);
        }
        return null;
    }

    private static async Task<(TResponse? Response, string Error)> AskAsync<TRequest, TResponse>(
        RigMember member, Method<TRequest, TResponse> method, TRequest request, CancellationToken cancellationToken)
        where TResponse : class
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var channel = GrpcChannel.ForAddress(member.ClientUrl, new GrpcChannelOptions { ConnectTimeout = CallLimit });
        try
        {
            using var call = channel.AsyncUnaryCall(method, null, new CallOptions(Deadline: DateTime.UtcNow + CallLimit), request);
            return (await call.ResponseAsync, "");
        }
        catch (RpcException end)
        {
            return (null, end.Status.Detail);
        }
    }
}
