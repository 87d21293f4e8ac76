using Orchestrator.Control.Scheduling.Cluster;

namespace Orchestrator.Control.Tests.Scheduling;

/// <summary>What is shown of a volume while it is decided, written and seen.</summary>
public sealed class StorageStateTests
{
    private readonly StorageState _storage = new();

    [Fact]
    public void What_is_assumed_is_shown_until_something_newer_is_seen()
    {
        var assumed = Volume(5, "a");
        _storage.Set(Volume(5, null));

        _storage.Assume(assumed);
        string? decided = Owner();
        _storage.Set(Volume(5, null)); // The same as before, by a list say.
        string? still = Owner();
        _storage.Set(Volume(6, "b"));

        Assert.Equal(("a", "a", "b"), (decided, still, Owner()));
    }

    [Fact]
    public void A_watch_that_is_late_does_not_take_back_what_an_answer_has_told()
    {
        _storage.Set(Volume(5, null));
        _storage.Learn(Volume(8, "a"));

        _storage.Set(Volume(6, null));

        Assert.Equal("a", Owner());
    }

    [Fact]
    public void What_is_gone_does_not_come_back_with_a_late_answer()
    {
        _storage.Set(Volume(5, null));
        _storage.Remove(Volume(5, null));

        _storage.Learn(Volume(4, "a"));

        Assert.Null(_storage.FindVolume("v"));
    }

    [Fact]
    public void Another_one_of_the_same_name_is_another_one()
    {
        _storage.Set(Volume(5, "a"));
        _storage.Assume(Volume(5, "b"));

        _storage.Set(Volume(9, null, uid: "second"));
        _storage.Remove(Volume(5, null)); // That the first is gone is told late.
        _storage.Learn(Volume(7, "b"));

        Assert.Null(Owner());
        Assert.Equal("second", _storage.FindVolume("v")!.Uid);
    }

    private string? Owner() => _storage.FindVolume("v")!.Spec.ClaimRef?.Name;

    private static PersistentVolume Volume(int version, string? claim, string uid = "first") => new()
    {
        Metadata = new ObjectMeta { Name = "v", Uid = uid, ResourceVersion = $"{version}" },
        Spec = new PersistentVolumeSpec { ClaimRef = claim is null ? null : new ObjectReference { Namespace = "default", Name = claim } },
    };
}
