using System.Collections.Immutable;
using KvStore.Mvcc.Errors;
using KvStore.Protocol;

namespace KvStore.Mvcc.Members;

/// <summary>The cluster's members: their names, addresses and standing.</summary>
/// <remarks>The apply loop changes it; any thread reads the published list.</remarks>
public sealed class MemberTable
{
    private volatile ImmutableSortedSet<ulong> _removed = [];
    private volatile ImmutableSortedDictionary<ulong, ulong> _directories = ImmutableSortedDictionary<ulong, ulong>.Empty;
    private volatile Member[] _members = [];

    /// <summary>In the order of their ids. Do not change the messages.</summary>
    public IReadOnlyList<Member> Members => _members;

    /// <summary>Members that were removed: their ids can never come back.</summary>
    internal IReadOnlyCollection<ulong> Removed => _removed;

    /// <summary>The members' data directories, where they are known.</summary>
    internal IReadOnlyDictionary<ulong, ulong> Directories => _directories;

    /// <summary>Which data directory a member started in; 0 if it did not start yet, or its directory has no number.</summary>
    public ulong DirectoryOf(ulong id) => _directories.GetValueOrDefault(id);

    /// <summary>Whether it was a member once, and can never be one again.</summary>
    public bool IsRemoved(ulong id) => _removed.Contains(id);

    public Member? Find(ulong id) => Array.Find(_members, member => member.ID == id);

    /// <exception cref="EtcdException">The member, or one at such an address, exists; or the id was removed before.</exception>
    internal void Add(Member member)
    {
        if (_removed.Contains(member.ID))
            throw new EtcdException(EtcdError.MemberNotFound);
        if (Find(member.ID) is not null)
            throw new EtcdException(EtcdError.MemberExists);
        CheckPeerUrls(member);
        Replace(null, member.Clone());
    }

    internal void Remove(ulong id)
    {
        Replace(Existing(id), null);
        _removed = _removed.Add(id);
        _directories = _directories.Remove(id);
    }

    internal void SetPeerUrls(Member request)
    {
        var member = Existing(request.ID);
        CheckPeerUrls(request);
        var changed = member.Clone();
        changed.PeerURLs.Clear();
        changed.PeerURLs.Add(request.PeerURLs);
        Replace(member, changed);
    }

    internal void Promote(ulong id)
    {
        var member = Existing(id);
        if (!member.IsLearner)
            throw new EtcdException(EtcdError.MemberNotLearner);
        var changed = member.Clone();
        changed.IsLearner = false;
        Replace(member, changed);
    }

    /// <summary>What a member says of itself when it starts: its name, where clients find it, and where its data is.</summary>
    internal void SetAttributes(MemberAttributesRequest request)
    {
        var member = Existing(request.ID);
        var changed = member.Clone();
        changed.Name = request.Name;
        changed.ClientURLs.Clear();
        changed.ClientURLs.Add(request.ClientURLs);
        Replace(member, changed);
        if (request.DirectoryId != 0)
            _directories = _directories.SetItem(request.ID, request.DirectoryId);
    }

    internal void Load(IEnumerable<Member> members, IEnumerable<ulong> removed, IEnumerable<KeyValuePair<ulong, ulong>> directories)
    {
        _members = [.. members.OrderBy(member => member.ID)];
        _removed = [.. removed];
        _directories = directories.ToImmutableSortedDictionary();
    }

    private Member Existing(ulong id) => Find(id) ?? throw new EtcdException(EtcdError.MemberNotFound);

    private void CheckPeerUrls(Member request)
    {
        foreach (var member in _members)
        {
            if (member.ID != request.ID && member.PeerURLs.Intersect(request.PeerURLs).Any())
                throw new EtcdException(EtcdError.PeerUrlsExist);
        }
    }

    private void Replace(Member? old, Member? replacement) =>
        _members = [.. _members.Where(member => member != old)
            .Concat(replacement is null ? [] : [replacement]).OrderBy(member => member.ID)];
}
