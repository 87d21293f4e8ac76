using KvStore.Server.Members;
using KvStore.Storage.Disks.Simulated;

namespace KvStore.Server.Tests.Members;

public class SpaceReserveTests
{
    private const long Size = 100_000;

    private readonly SimulatedDisk _disk = new() { CapacityBytes = 10 * Size };

    public SpaceReserveTests() => _disk.CreateDirectory("/data");

    [Fact]
    public void It_takes_its_room_and_gives_it_up_once()
    {
        var reserve = Reserve();

        Assert.True(reserve.TryHold());
        Assert.Equal(Size, _disk.UsedBytes);
        Assert.True(reserve.Release());
        Assert.Equal(0, _disk.UsedBytes);
        Assert.False(reserve.Release());
    }

    [Fact]
    public void It_takes_no_room_that_others_need_more()
    {
        _disk.CapacityBytes = 2 * Size - 1;

        Assert.False(Reserve().TryHold());
        Assert.Equal(0, _disk.UsedBytes);
    }

    [Fact]
    public void What_an_earlier_life_set_aside_is_held_and_can_be_given_up_on_a_full_disk()
    {
        Reserve().TryHold();
        _disk.CapacityBytes = Size;
        var reserve = Reserve();

        Assert.True(reserve.TryHold());
        Assert.True(reserve.Release());
        Assert.Equal(0, _disk.UsedBytes);
    }

    [Fact]
    public void A_part_that_a_crash_left_is_made_whole()
    {
        _disk.Place("/data/reserve", new byte[1000]);
        var reserve = Reserve();

        Assert.True(reserve.TryHold());
        Assert.Equal(Size, _disk.UsedBytes);
    }

    [Fact]
    public void One_that_finds_no_room_on_the_way_leaves_nothing_behind()
    {
        _disk.Faults = operation =>
        {
            if (operation.Kind == DiskOperationKind.Create)
                _disk.CapacityBytes = Size / 2;
            return DiskFault.None;
        };

        Assert.False(Reserve().TryHold());
        Assert.False(_disk.FileExists("/data/reserve"));
    }

    [Fact]
    public void None_at_all_is_held_at_once()
    {
        var none = new SpaceReserve(_disk, "/data/reserve", 0);

        Assert.True(none.TryHold());
        Assert.False(none.Release());
    }

    private SpaceReserve Reserve() => new(_disk, "/data/reserve", Size);
}
