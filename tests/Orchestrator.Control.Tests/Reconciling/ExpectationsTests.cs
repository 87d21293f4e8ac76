namespace Orchestrator.Control.Tests.Reconciling;

public sealed class ExpectationsTests
{
    private static readonly NamespacedName Key = new(Make.Ns, "web");

    private readonly FakeCluster _cache = new();
    private readonly Expectations _expectations = new();

    private bool AreMet => _expectations.AreMet(Key, _cache, _cache.Now);

    private static Pod Answer(string version, string uid = "1")
    {
        var pod = Make.Pod("a");
        pod.Metadata.Uid = uid;
        pod.Metadata.ResourceVersion = version;
        return pod;
    }

    [Fact]
    public void A_created_object_is_waited_for()
    {
        _expectations.Wrote(Key, Answer("500"), _cache.Now);
        Assert.False(AreMet);
        var seen = Answer("500");
        _cache.Store(seen);
        seen.Metadata.ResourceVersion = "500";

        Assert.True(AreMet);
        Assert.Equal(0, _expectations.Count);
    }

    [Fact]
    public void An_older_state_does_not_do()
    {
        _expectations.Wrote(Key, Answer("500"), _cache.Now);
        var seen = Answer("499");
        _cache.Store(seen);
        seen.Metadata.ResourceVersion = "499";

        Assert.False(AreMet);
    }

    [Fact]
    public void An_object_that_came_and_went_unseen_is_not_waited_for_for_ever()
    {
        // The cache has seen the pods' changes up to version 100.
        _expectations.Wrote(Key, Answer("90"), _cache.Now);

        Assert.True(AreMet);
    }

    [Fact]
    public void A_deleted_object_is_waited_for_until_it_is_gone_going_or_another()
    {
        var pod = Answer("1");
        _cache.Store(pod);
        void Delete() => _expectations.Deleted(Key, ObjectRef.To(pod), _cache.Now);
        Delete();
        Assert.False(AreMet);

        pod.Metadata.DeletionTimestamp = _cache.Now;
        Assert.True(AreMet);

        pod.Metadata.DeletionTimestamp = null;
        Delete();
        Assert.False(AreMet);
        _cache.Store(Answer("2", uid: "2"));
        Assert.True(AreMet);
    }

    [Fact]
    public void What_is_never_seen_is_given_up_after_five_minutes()
    {
        _expectations.Wrote(Key, Answer("500"), _cache.Now);
        _cache.Now += TimeSpan.FromMinutes(5);

        Assert.True(AreMet);
    }

    [Fact]
    public void Other_keys_do_not_wait_unless_the_controller_is_serial()
    {
        _expectations.Wrote(Key, Answer("500"), _cache.Now);

        Assert.True(_expectations.AreMet(new NamespacedName(Make.Ns, "other"), _cache, _cache.Now));
        Assert.False(_expectations.AllAreMet(_cache, _cache.Now));
    }

    [Fact]
    public void Every_controller_has_a_name_of_its_own_and_watches_something()
    {
        var all = ControllerList.All(new ControllerSettings { RootCertificates = "PEM", CloudProvider = new() });

        Assert.Equal(all.Count, all.Select(controller => controller.Name).Distinct().Count());
        Assert.All(all, controller => Assert.True(controller.Watches.Count > 0 || controller.WatchesEverything is not null));
        Assert.All(all, controller => Assert.Equal(
            controller.Watches.Count, controller.Watches.Select(watch => watch.Kind).Distinct().Count()));
    }

    [Fact]
    public void Writes_of_keys_that_nobody_looks_at_again_are_not_kept()
    {
        for (int number = 0; number < 20_000; number++)
        {
            // Deleted, and gone from the cache: no change of it will wake its key.
            _expectations.Deleted(new("", $"gone-{number}"), new(Pod.StaticKind, Make.Ns, $"p-{number}", $"uid-{number}"), _cache.Now);
            Assert.True(AreMet);
        }

        Assert.InRange(_expectations.Count, 0, 2_000);
    }
}
