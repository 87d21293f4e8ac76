using System.Globalization;
using KvStore.Chaos.Rig;

namespace KvStore.Chaos.Faults.Network;

/// <summary>A member's link to its peers delays frames, each for another time, lets them overtake each other and doubles
/// some.</summary>
internal sealed class MessyLink : Fault
{
    public const string Kind = "messy-link";

    private readonly RigMember _member;
    private readonly LinkBehaviour _behaviour;
    private UserSpaceLink? _link;

    public MessyLink(FaultContext context) : base(context, Kind)
    {
        _member = context.AnyMember();
        _behaviour = new LinkBehaviour(
            Delay: context.Between(.005, .3),
            Jitter: context.Between(0, .2),
            MayOvertake: context.Random.Next(2) == 0,
            DuplicatePercent: context.Random.Next(2) == 0 ? 0 : context.Random.Next(1, 20));
    }

    public override IReadOnlyList<string> Targets => [_member.Name];

    public override IReadOnlyList<RigMember> Disrupts => [_member];

    public override string Detail => string.Create(CultureInfo.InvariantCulture,
        $"{_behaviour.Delay.TotalMilliseconds:F0}+{_behaviour.Jitter.TotalMilliseconds:F0} ms, {Order}, {Twice} % twice");

    private int Twice => _behaviour.DuplicatePercent;

    private string Order => _behaviour.MayOvertake ? "reordered" : "in order";

    public override IEnumerable<string> Claims => [Claim.Link(_member)];

    public override async Task InjectAsync(CancellationToken cancellationToken) =>
        _link = await UserSpaceLink.InsertAsync(_member.Name, _member.PeerPort, RigNetwork.Peers, _behaviour);

    public override async Task<Effect> HealAsync()
    {
        if (_link is null)
            return new Effect(false, "not inserted");
        await _link.RemoveAsync();
        string evidence = $"{_link.FrameCount} frames delayed, {_link.OvertakenCount} overtaken, {_link.DuplicateCount} doubled";
        return new Effect(_link.FrameCount > 0, evidence);
    }
}
